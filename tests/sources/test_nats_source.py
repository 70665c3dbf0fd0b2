"""NATS JetStream: acknowledged after the stage has answered; nothing is lost when a server dies."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import nats
import pytest
from brokers import Nats, running_nats
from feeding import AT_ONCE, KEY, NEVER, HandStage, fed, run, soon, until
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig

from ekiden.sources.intake import Intake
from ekiden.sources.nats import Consumer, NatsSource, consumer_of

STREAM, NAME, SUBJECT = "EKIDEN", "pod", "bucket.events"


@asynccontextmanager
async def jetstream(server: Nats, ack_wait_s: float = 0) -> AsyncIterator[JetStreamContext]:
    """A stream on disk; with `ack_wait_s` also the consumer, as an operator would make it."""
    client = await nats.connect(server.url)
    stream = client.jetstream()
    await stream.add_stream(name=STREAM, subjects=[SUBJECT])
    if ack_wait_s:
        wanted = ConsumerConfig(NAME, ack_policy=AckPolicy.EXPLICIT, ack_wait=ack_wait_s)
        await stream.add_consumer(STREAM, wanted)
    try:
        yield stream
    finally:
        await client.close()


def source(intake: Intake, server: Nats, max_in_flight: int = 64) -> NatsSource:
    return NatsSource(intake, Consumer(server.url, STREAM, NAME), max_in_flight)


def event(key: str) -> bytes:
    """As MinIO publishes it."""
    place = {"bucket": {"name": "mail"}, "object": {"key": key.replace("/", "%2F"), "size": 2}}
    record = {"eventSource": "minio:s3", "eventName": "s3:ObjectCreated:Put", "s3": place}
    whole = {"EventName": "s3:ObjectCreated:Put", "Key": f"mail/{key}", "Records": [record]}
    return json.dumps(whole).encode()


async def open_messages(stream: JetStreamContext) -> int:
    """Not delivered yet, or delivered and not acknowledged."""
    info = await stream.consumer_info(STREAM, NAME)
    return (info.num_pending or 0) + (info.num_ack_pending or 0)


async def until_open(stream: JetStreamContext, number: int) -> None:
    async def asking() -> None:
        while await open_messages(stream) != number:
            await asyncio.wait({never}, timeout=0.02)

    never = asyncio.get_running_loop().create_future()
    await soon(asking())


class Told(NamedTuple):
    """A stage that hears of the objects in a stream."""

    stream: JetStreamContext
    stage: HandStage
    intake: Intake


@asynccontextmanager
async def told(
    tmp_path: Path, *bodies: bytes, stage: HandStage | None = None
) -> AsyncIterator[Told]:
    """Of these, which were published before it listened."""
    stage = stage or HandStage()
    intake = stage.intake()
    with running_nats(tmp_path) as server:
        async with jetstream(server) as stream:
            for body in bodies:
                await stream.publish(SUBJECT, body)
            async with fed(intake, source(intake, server)):
                yield Told(stream, stage, intake)


def test_an_event_is_acknowledged_after_the_stage_has_answered(tmp_path: Path) -> None:
    async def story() -> None:
        async with told(tmp_path) as (stream, stage, intake):
            await stream.publish(SUBJECT, event(KEY))
            await stage.begun(KEY)
            assert await open_messages(stream) == 1
            stage.end(KEY)
            await until_open(stream, 0)
        assert intake.counts["done"] == 1

    run(story)


def test_what_was_published_before_anybody_listened_is_fed(tmp_path: Path) -> None:
    async def story() -> None:
        async with told(tmp_path, event(KEY)) as (stream, stage, _):
            await stage.begun(KEY)
            stage.end(KEY)
            await until_open(stream, 0)

    run(story)


def test_what_shall_come_again_comes_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with told(tmp_path, event(KEY)) as (stream, stage, intake):
            await stage.begun(KEY)
            stage.end(KEY, AT_ONCE)
            await stage.given_times(2)
            stage.end(KEY)
            await until_open(stream, 0)
        assert (intake.counts["again"], intake.counts["done"]) == (1, 1)

    run(story)


@pytest.mark.parametrize("body", [b"", b"hello", b"{}", b"\xff\xfe", b'{"Records": 7}', b"[]"])
def test_what_is_no_event_never_comes_again(body: bytes, tmp_path: Path) -> None:
    async def story() -> None:
        async with told(tmp_path, body) as (stream, stage, intake):
            await until(lambda: intake.counts["received"])
            await until_open(stream, 0)
        assert not stage.given

    run(story)


def test_what_can_never_be_done_never_comes_again(tmp_path: Path) -> None:
    async def story() -> None:
        stage = HandStage(answers_at_once=NEVER)
        async with told(tmp_path, event(KEY), stage=stage) as (stream, _, intake):
            await until(lambda: intake.counts["never"])
            await until_open(stream, 0)

    run(story)


def test_who_dies_before_acknowledging_leaves_it_to_the_next(tmp_path: Path) -> None:
    async def story() -> None:
        with running_nats(tmp_path) as server:
            async with jetstream(server, ack_wait_s=1) as stream:
                await stream.publish(SUBJECT, event(KEY))
                first, second = HandStage(), HandStage()
                async with fed(first.intake(), source(first.intake(), server)):
                    await first.begun(KEY)
                assert await open_messages(stream) == 1
                intake = second.intake()
                async with fed(intake, source(intake, server)):
                    await second.begun(KEY)
                    second.end(KEY)
                    await until_open(stream, 0)

    run(story)


def test_while_a_stage_works_the_server_is_told_that_it_does(tmp_path: Path) -> None:
    """Three times as long as the server would wait, and nobody gets it a second time."""

    async def story() -> None:
        with running_nats(tmp_path) as server:
            async with jetstream(server, ack_wait_s=0.5) as stream:
                acks = asyncio.Queue[Any]()
                await stream._nc.subscribe(f"$JS.ACK.{STREAM}.{NAME}.>", cb=acks.put)
                await stream.publish(SUBJECT, event(KEY))
                stage = HandStage()
                intake = stage.intake()
                async with fed(intake, source(intake, server)):
                    await stage.begun(KEY)
                    said = [(await soon(acks.get())).data for _ in range(9)]
                    stage.end(KEY)
                    await until_open(stream, 0)
                assert said == [b"+WPI"] * 9
                assert stage.given == [KEY]

    run(story)


def test_a_killed_server_that_comes_back_has_lost_nothing(tmp_path: Path) -> None:
    """It is killed while five are under way: what they are answered reaches nobody."""

    async def story() -> None:
        wanted = [KEY.replace("0000", f"{number:04d}") for number in range(20)]
        with running_nats(tmp_path) as server:
            async with jetstream(server, ack_wait_s=1) as stream:
                for key in wanted:
                    await stream.publish(SUBJECT, event(key))
            stage = HandStage()
            intake = stage.intake(max_in_flight=5)
            async with fed(intake, source(intake, server, 5)):
                await stage.given_times(5)
                server.kill()
                stage.end_all()
                await until(lambda: intake.state != "ok")
                server.start()
                await stage.begun(*wanted)
                async with jetstream(server) as stream:
                    await until_open(stream, 0)
                assert intake.state == "ok"

    run(story)


def test_a_server_that_is_not_there_yet_is_asked_again(tmp_path: Path) -> None:
    async def story() -> None:
        with running_nats(tmp_path) as server:
            server.kill()
            stage = HandStage()
            intake = stage.intake()
            async with fed(intake, source(intake, server)):
                await until(lambda: intake.state not in ("ok", "not connected yet"))
                server.start()
                async with jetstream(server) as stream:
                    await stream.publish(SUBJECT, event(KEY))
                    await stage.begun(KEY)
                    stage.end(KEY)
                    await until_open(stream, 0)

    run(story)


def test_a_stream_that_is_not_there_is_named(tmp_path: Path) -> None:
    async def story() -> None:
        with running_nats(tmp_path) as server:
            intake = HandStage().intake()
            async with fed(intake, source(intake, server)):
                await until(lambda: "stream not found" in intake.state)

    run(story)


@pytest.mark.parametrize(
    ("url", "consumer"),
    [
        ("nats://127.0.0.1:4222/A/b", Consumer("nats://127.0.0.1:4222", "A", "b")),
        ("tls://me:pw@nats.example/A/b-1", Consumer("tls://me:pw@nats.example", "A", "b-1")),
    ],
)
def test_a_consumer_is_named_by_its_url(url: str, consumer: Consumer) -> None:
    assert consumer_of(url) == consumer
