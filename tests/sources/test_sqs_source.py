"""S3 tells SQS, SQS tells us: deleted when the stage has answered, and not before."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from between import between
from brokers import BUCKET, Moto
from feed_process import FeedProcess
from feeding import AGAIN, AT_ONCE, KEY, NEVER, HandStage, fed, run, soon, until
from free_ports import free_port
from station import BATCH, DOMAIN, running_station

from ekiden.sink import Sink
from ekiden.sources import sqs
from ekiden.sources.answer import Answer, Verdict
from ekiden.sources.intake import Intake
from ekiden.sources.sqs import SqsSource
from shared.provision import add_domain
from shared.store import open_store
from shared.store.base import Store, list_all


def source(intake: Intake, aws: Moto, queue: str) -> SqsSource:
    return SqsSource(intake, queue, aws.endpoint)


def record(key: str, bucket: str = BUCKET) -> dict[str, Any]:
    place = {"bucket": {"name": bucket}, "object": {"key": key, "size": 2}}
    return {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": place}


def tell(aws: Moto, queue: str, *records: Any) -> None:
    body = json.dumps({"Records": list(records)})
    aws.client("sqs").send_message(QueueUrl=queue, MessageBody=body)


def test_a_put_is_told_and_the_message_is_deleted_after_the_stage_has_answered(aws: Moto) -> None:
    async def story() -> None:
        queue = aws.queue()
        aws.notify(queue)  # S3 sends its test message first
        stage = HandStage()
        intake = stage.intake()
        async with fed(intake, source(intake, aws, queue)):
            store = open_store(aws.store_url)
            await store.put(KEY, b"{}")
            await stage.begun(KEY)
            await until(lambda: aws.left(queue) == 1)  # the test message is gone
            stage.end(KEY)
            await until(lambda: aws.left(queue) == 0)
            await store.close()
        assert stage.given == [KEY]
        assert intake.counts["received"] == intake.counts["done"]

    run(story)


def test_a_batch_is_taken_through_all_stages_by_what_sqs_tells(aws: Moto) -> None:
    """The sweep is off, and who puts the upload is another process's store."""

    async def story() -> None:
        queue = aws.queue()
        aws.notify(queue)
        options = {"sources__sqs": queue, "sources__sqs_endpoint": aws.endpoint}
        async with running_station(aws.store_url, services__sweep="off", **options) as here:
            elsewhere = open_store(aws.store_url)
            await elsewhere.put(f"inbox/{DOMAIN}/one.json", json.dumps(BATCH).encode())
            await until(lambda: len(here.sink.received) == 1)
            await here.idle()
            await until(lambda: aws.left(queue) == 0)
            counts = here.station.sources.counts["sqs:ekiden"]
            assert counts["received"] == counts["done"] > 4
            await elsewhere.close()
        assert len(here.sink.received) == 1

    run(story)


def test_a_message_with_several_records_waits_for_the_last_of_them(aws: Moto) -> None:
    async def story() -> None:
        queue, other = aws.queue(), KEY.replace("0000", "0001")
        tell(aws, queue, record(KEY), record(other))
        stage = HandStage()
        intake = stage.intake()
        async with fed(intake, source(intake, aws, queue)):
            await stage.begun(KEY, other)
            stage.end(KEY)
            assert aws.left(queue) == 1
            stage.end(other)
            await until(lambda: aws.left(queue) == 0)

    run(story)


def test_a_doubled_message_gets_the_answer_of_the_first(aws: Moto) -> None:
    async def story() -> None:
        queue = aws.queue()
        for _ in range(3):
            tell(aws, queue, record(KEY), record(KEY))
        stage = HandStage()
        intake = stage.intake()
        async with fed(intake, source(intake, aws, queue)):
            await stage.begun(KEY)
            await until(lambda: intake.counts["received"] == 3)
            stage.end(KEY)
            await until(lambda: aws.left(queue) == 0)
        assert stage.given == [KEY]

    run(story)


def test_what_shall_come_again_stays_and_comes_again(aws: Moto) -> None:
    async def story() -> None:
        queue = aws.queue()
        tell(aws, queue, record(KEY))
        stage = HandStage()
        intake = stage.intake()
        async with fed(intake, source(intake, aws, queue)):
            await stage.begun(KEY)
            stage.end(KEY, AT_ONCE)
            await stage.given_times(2)
            assert aws.left(queue) == 1
            stage.end(KEY)
            await until(lambda: aws.left(queue) == 0)
        assert intake.counts["again"] == intake.counts["done"] == 1

    run(story)


def test_without_a_word_about_when_it_becomes_visible_after_a_pause(aws: Moto) -> None:
    async def story() -> None:
        queue = aws.queue()
        tell(aws, queue, record(KEY))
        stage = HandStage()
        intake = stage.intake()
        with between(aws.endpoint) as proxy:
            async with fed(intake, SqsSource(intake, queue, proxy.endpoint)):
                await stage.begun(KEY)
                stage.end(KEY, AGAIN)
                await stage.given_times(2)
                stage.end(KEY, Answer(Verdict.AGAIN, after_s=70.5))
                await until(lambda: len(proxy.parameters("ChangeMessageVisibility")) == 2)
            hidden = proxy.parameters("ChangeMessageVisibility")
            assert [each["VisibilityTimeout"] for each in hidden] == [1, 71]
            assert not proxy.parameters("DeleteMessage")

    run(story)


@pytest.mark.parametrize(
    "body",
    ["hello", "{}", "[]", "{\"Records\": 7}", "\"\\ud800\"", "null", "<xml/>", "{\"key\": 5}"],
)  # fmt: skip
def test_what_is_no_event_is_counted_and_deleted(body: str, aws: Moto) -> None:
    async def story() -> None:
        queue = aws.queue()
        aws.client("sqs").send_message(QueueUrl=queue, MessageBody=body)
        stage = HandStage()
        intake = stage.intake()
        async with fed(intake, source(intake, aws, queue)):
            await until(lambda: intake.counts["received"] == 1 and aws.left(queue) == 0)
        assert not stage.given
        assert intake.counts["never"] + intake.counts["done"] == 1

    run(story)


def test_what_can_never_be_done_is_deleted(aws: Moto) -> None:
    async def story() -> None:
        queue = aws.queue()
        tell(aws, queue, record(KEY))
        stage = HandStage(answers_at_once=NEVER)
        intake = stage.intake()
        async with fed(intake, source(intake, aws, queue)):
            await until(lambda: intake.counts["never"] == 1 and aws.left(queue) == 0)

    run(story)


def test_what_concerns_nobody_is_counted_by_its_reason_and_deleted(aws: Moto) -> None:
    async def story() -> None:
        queue = aws.queue()
        tell(aws, queue, record("batches/b/content.json"), record(KEY, bucket="other"))
        tell(aws, queue, record("validated/"))
        stage = HandStage()
        intake = stage.intake(bucket=BUCKET)
        async with fed(intake, source(intake, aws, queue)):
            await until(lambda: intake.counts["done"] == 2 and aws.left(queue) == 0)
        dropped = {name for name in intake.counts if name.startswith("dropped_")}
        assert dropped >= {"dropped_other_stage", "dropped_other_bucket", "dropped_folder"}

    run(story)


def test_no_more_is_fetched_than_may_be_under_way(aws: Moto) -> None:
    async def story() -> None:
        queue = aws.queue()
        wanted = [KEY.replace("0000", f"{number:04d}") for number in range(12)]
        for key in wanted:
            tell(aws, queue, record(key))
        stage = HandStage()
        intake = stage.intake(max_in_flight=3)
        async with fed(intake, source(intake, aws, queue)):
            for number in range(12):
                await stage.given_times(number + 1)
                open_now = len(stage.given) - number
                assert 1 <= open_now <= 3
                stage.end(stage.given[number])
            await until(lambda: aws.left(queue) == 0)
        assert sorted(stage.given) == wanted

    run(story)


def test_a_stop_while_a_stage_works_leaves_the_message(aws: Moto) -> None:
    async def story() -> None:
        queue = aws.queue()
        tell(aws, queue, record(KEY))
        stage = HandStage()
        intake = stage.intake()
        async with fed(intake, source(intake, aws, queue)):
            await stage.begun(KEY)
        assert aws.left(queue) == 1

    run(story)


def test_while_a_stage_works_the_message_is_kept_from_others(
    aws: Moto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqs, "EXTEND_EVERY_S", 0.05)

    async def story() -> None:
        queue = aws.queue()
        tell(aws, queue, record(KEY))
        stage = HandStage()
        intake = stage.intake()
        with between(aws.endpoint) as proxy:
            async with fed(intake, SqsSource(intake, queue, proxy.endpoint)):
                await stage.begun(KEY)
                await until(lambda: len(proxy.parameters("ChangeMessageVisibility")) >= 2)
                stage.end(KEY)
                await until(lambda: aws.left(queue) == 0)
        extended = proxy.parameters("ChangeMessageVisibility")
        assert {each["VisibilityTimeout"] for each in extended} == {sqs.VISIBLE_AGAIN_S}

    run(story)


async def all_sent(store: Store) -> None:
    """Also the lease is given back: else the next process waits until it ends."""
    never = asyncio.get_running_loop().create_future()
    while await store.list_page("dispatched/") or await store.list_page("leases/"):
        await asyncio.wait({never}, timeout=0.02)


def test_killed_between_work_and_delete_it_comes_again_and_does_no_harm(
    aws: Moto, tmp_path: Path
) -> None:
    """`ekiden serve`, killed when it asks to delete; then another one, on the same bucket."""

    async def story() -> None:
        queue = aws.queue()
        aws.notify(queue)
        store = open_store(aws.store_url)
        await add_domain(store, DOMAIN, ["ed25519-sha256"], time.time())
        sink = Sink()
        options = {"store_url": aws.store_url, "sources_sqs": queue, "dispatch_workers": "1"}
        options |= {"services_sweep": "off", "send_hostname": "station.invalid"}
        options |= {"send_route": f"smtp://127.0.0.1:{await sink.start()}", "send_starttls": "off"}
        key = f"inbox/{DOMAIN}/one.json"
        with between(aws.endpoint, swallow="DeleteMessage", visible_again_s=1) as proxy:
            first = FeedProcess(
                tmp_path,
                "serve",
                http_port=str(free_port()),
                sources_sqs_endpoint=proxy.endpoint,
                **options,
            )
            try:
                await store.put(key, json.dumps(BATCH).encode())
                await until(lambda: len(sink.received) == 1)
                await until(lambda: aws.left(queue) and proxy.swallowed.is_set())
                await soon(all_sent(store))
            finally:
                first.kill()
        assert aws.left(queue), "nothing was deleted"
        second = FeedProcess(
            tmp_path,
            "serve",
            http_port=str(free_port()),
            sources_sqs_endpoint=aws.endpoint,
            **options,
        )
        try:
            await until(lambda: aws.left(queue) == 0)
        finally:
            assert second.terminate() == 0, second.log.read_text()
        assert len(sink.received) == 1
        assert [each async for each in list_all(store, "failed/")] == []
        await sink.close()
        await store.close()

    run(story)


def test_a_queue_that_is_not_there_yet_is_asked_again(aws: Moto) -> None:
    async def story() -> None:
        queue = f"{aws.endpoint}/123456789012/later"
        stage = HandStage(answers_at_once=None)
        intake = stage.intake()
        async with fed(intake, source(intake, aws, queue)):
            await until(lambda: "NonExistent" in intake.state)
            assert "/later" in intake.state
            tell(aws, aws.queue("later"), record(KEY))
            await stage.begun(KEY)
            assert intake.state == "ok"

    run(story)


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://sqs.eu-west-1.amazonaws.com/123456789012/q", "eu-west-1"),
        ("https://eu-west-1.queue.amazonaws.com/123456789012/q", "eu-west-1"),
        ("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q", "cn-north-1"),
        ("https://queue.amazonaws.com/123456789012/q", ""),
        ("http://127.0.0.1:4566/000000000000/q", ""),
        ("https://sqs.eu-west-1.amazonaws.com.evil.example/1/q", ""),
    ],
)
def test_the_region_is_the_one_in_the_queues_url(url: str, region: str) -> None:
    assert sqs.region_of(url) == region
    assert sqs.name_of(url) == "q"
