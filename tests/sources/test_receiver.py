"""One webhook for all stages: SeaweedFS's filer for real, and the answers that others get."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
from event_samples import sample
from feeding import AGAIN, DONE, KEY, NEVER, HandStage, run, soon, until
from free_ports import free_port
from pod_process import get
from seaweed import SeaweedUnavailable, running_seaweed
from station import BATCH, DOMAIN, as_body, running_station

from ekiden.sources import http
from ekiden.sources.answer import Answer
from ekiden.sources.http import Receiver
from shared.http import Request, Response
from shared.store import open_store

TOKEN = "c2VjcmV0LXRva2Vu"
BEARER = {"authorization": f"Bearer {TOKEN}"}
PLAIN = b'{"key": "%s"}' % KEY.encode()
MINIO = sample("minio_webhook_put")
SEAWEED = sample("seaweedfs_put")


def receiver(stage: HandStage, token: str = TOKEN, max_in_flight: int = 64) -> Receiver:
    return Receiver(stage.intake("receiver", max_in_flight), token, lambda: {"sqs": "ok"})


def post(body: bytes, headers: Any = BEARER) -> Request:
    return Request("POST", "/", headers, body)


async def answered(answer: Answer, body: bytes) -> Response:
    return await soon(receiver(HandStage(answers_at_once=answer)).handle(post(body)))


DOCUMENTED = """
[notification.webhook]
enabled = true
endpoint = "http://receiver.example:8081/"
bearer_token = "<events.token>"
event_types = ["create"]
path_prefixes = ["/buckets/ekiden"]
"""


def test_what_seaweedfs_is_told_here_is_what_the_manual_says() -> None:
    manual = Path(__file__).parents[2] / "docs" / "events.md"
    assert DOCUMENTED in manual.read_text()


def test_seaweedfs_tells_the_receiver_and_a_batch_goes_through_all_stages(tmp_path: Path) -> None:
    """Its one webhook; the sweep is off."""
    port = free_port()
    notification = DOCUMENTED.replace("receiver.example:8081", f"127.0.0.1:{port}")
    notification = notification.replace("<events.token>", TOKEN)

    async def story(url: str) -> None:
        options = {"services__sweep": "off", "events__token": TOKEN, "sources__port": str(port)}
        async with running_station(url, events__bucket="ekiden", **options) as here:
            elsewhere = open_store(url)
            await elsewhere.put(f"inbox/{DOMAIN}/one.json", as_body(BATCH))
            await until(lambda: here.sink.received)
            await here.idle()
            counts = here.station.sources.counts["receiver"]
            await until(lambda: counts["done"] == counts["received"] > 4)
            assert counts["dropped_other_stage"], "what is below batches/ is told, too"
        assert len(here.sink.received) == 1

    try:
        with running_seaweed(tmp_path, notification) as server:
            run(lambda: story(server.url()))
    except SeaweedUnavailable as reason:
        pytest.skip(f"no SeaweedFS: {reason}")


@pytest.mark.parametrize(
    ("answer", "status"), [(DONE, 204), (AGAIN, 503), (NEVER, 422)], ids=lambda each: str(each)[:30]
)
def test_the_answer_is_that_of_the_stage(answer: Answer, status: int) -> None:
    async def story() -> None:
        response = await answered(answer, PLAIN)
        assert response.status == status
        assert ("retry-after" in response.headers) == (status == 503)

    run(story)


@pytest.mark.parametrize("its", [MINIO, SEAWEED], ids=["minio", "seaweedfs"])
def test_what_holds_up_all_else_is_not_told_that_something_never_works(its: Any) -> None:
    async def story() -> None:
        assert (await answered(NEVER, its.body)).status == 204
        assert (await answered(AGAIN, its.body)).status == 503

    run(story)


def test_an_event_is_answered_after_the_stage_has() -> None:
    async def story() -> None:
        stage = HandStage()
        waiting = asyncio.create_task(receiver(stage).handle(post(PLAIN)))
        await stage.begun(KEY)
        assert not waiting.done()
        stage.end(KEY)
        assert (await soon(waiting)).status == 204

    run(story)


@pytest.mark.parametrize("its", [MINIO, SEAWEED], ids=["minio", "seaweedfs"])
def test_what_holds_up_all_else_is_answered_while_the_stage_works(
    its: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "HURRY_S", 0.001)

    async def story() -> None:
        stage = HandStage()
        face = receiver(stage)
        assert (await soon(face.handle(post(its.body)))).status == 202
        (event,) = its.events
        await stage.begun(event["key"])
        stage.end(event["key"])
        await until(lambda: face._intake.counts["done"] == 1)

    run(story)


def test_who_finds_no_place_waits_for_one() -> None:
    async def story() -> None:
        stage = HandStage()
        face = receiver(stage, max_in_flight=1)
        first = asyncio.create_task(face.handle(post(PLAIN)))
        await stage.begun(KEY)
        other = KEY.replace("0000", "0001")
        second = asyncio.create_task(face.handle(post(PLAIN.replace(b"0000", b"0001"))))
        await asyncio.sleep(0)
        stage.end(KEY)
        assert (await soon(first)).status == 204
        await stage.begun(other)
        stage.end(other)
        assert (await soon(second)).status == 204

    run(story)


def test_a_stage_that_hangs_holds_up_no_other_one() -> None:
    async def story() -> None:
        stage = HandStage()
        face = receiver(stage, max_in_flight=1)
        hanging = [
            asyncio.create_task(face.handle(post(PLAIN.replace(b"0000.", b"%04d." % number))))
            for number in range(5)
        ]
        await stage.given_times(1)
        other = asyncio.create_task(face.handle(post(b'{"key": "inbox/d/mail.json"}')))
        await stage.begun("inbox/d/mail.json")
        stage.end_all()
        assert {each.status for each in await soon(asyncio.gather(other, *hanging))} == {204}

    run(story)


def test_too_many_that_wait_for_one_stage_refuse_no_other_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "MOST_WAITING", 1)

    async def story() -> None:
        stage = HandStage()
        face = receiver(stage)
        first = asyncio.create_task(face.handle(post(PLAIN)))
        await stage.begun(KEY)
        assert (await face.handle(post(PLAIN.replace(b"0000", b"0001")))).status == 429
        other = asyncio.create_task(face.handle(post(b'{"key": "inbox/d/mail.json"}')))
        await stage.begun("inbox/d/mail.json")
        stage.end_all()
        assert (await soon(first)).status == (await soon(other)).status == 204
        assert (await soon(face.handle(post(PLAIN)))).status == 204, "nobody waits any more"

    run(story)


@pytest.mark.parametrize("key", ["inbox/d/a\\nb.json", "inbox/d//x", "inbox/../x"])
def test_a_name_that_is_no_key_is_dropped_and_holds_up_nothing(key: str) -> None:
    async def story() -> None:
        face = receiver(HandStage())
        assert (await soon(face.handle(post(b'{"key": "%s"}' % key.encode())))).status == 204
        assert face._intake.counts["dropped_impossible_key"] == 1

    run(story)


def test_too_many_that_wait_are_refused_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MOST_WAITING", 0)

    async def story() -> None:
        response = await answered(DONE, PLAIN)
        assert (response.status, response.headers["retry-after"]) == (429, "1")

    run(story)


@pytest.mark.parametrize("body", [b"", b"hello", b"{}", b"\xff", b"[1]", b'{"key": []}'])
def test_what_is_no_event_is_refused(body: bytes) -> None:
    async def story() -> None:
        face = receiver(HandStage())
        response = await soon(face.handle(post(body)))
        assert response.status == 400
        assert face._intake.counts["dropped_no_event"] == 1

    run(story)


BASIC = base64.b64encode(f"sns:{TOKEN}".encode()).decode()


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        (f"Bearer {TOKEN}", 204),
        (f"Basic {BASIC}", 204),
        ("", 401),
        ("Bearer ", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        (f"Bearer {TOKEN}x", 401),
        ("Bearer \xff\udc80", 401),
        (TOKEN, 401),
    ],
)
def test_the_token_is_asked_for(shown: str, status: int) -> None:
    async def story() -> None:
        face = receiver(HandStage(answers_at_once=DONE))
        response = await soon(face.handle(post(PLAIN, {"authorization": shown})))
        assert response.status == status

    run(story)


def test_without_a_token_none_is_asked_for() -> None:
    async def story() -> None:
        face = receiver(HandStage(answers_at_once=DONE), token="")
        assert (await soon(face.handle(post(PLAIN, {})))).status == 204

    run(story)


def test_only_a_post_is_an_event() -> None:
    async def story() -> None:
        response = await receiver(HandStage()).handle(Request("GET", "/", BEARER))
        assert (response.status, response.headers["allow"]) == (405, "POST")

    run(story)


def test_health_needs_no_token() -> None:
    async def story() -> None:
        face = receiver(HandStage())
        for path in ("/healthz", "/_/health", "/readyz", "/_/ready"):
            assert (await face.handle(Request("GET", path))).status == 200

    run(story)


def test_readiness_says_what_every_source_does() -> None:
    async def story() -> None:
        port = str(free_port())
        async with running_station(sources__port=port, sources__listing="1h"):
            await until(lambda: get(int(port), "/healthz")[0] == 200)
            status, body = await asyncio.to_thread(get, int(port), "/readyz")
            assert status == 200
            assert b'"receiver":{"state":"ok"' in body
            assert b'"listing":{' in body

    run(story)
