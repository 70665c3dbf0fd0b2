"""`ekiden pod` as a process: it listens, it sends what is in the bucket, it ends when told to."""

import asyncio
import smtplib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pod_process import Pod, get, listens

from ekiden.sink import Sink
from functions.send.bagfile import encode_bag
from shared import keys
from shared.model import BagHeader, Envelope
from shared.outcome import decode_lines
from shared.store import open_store
from shared.store.base import list_all

BATCH = "01hf7yat00abcdefghjkmnpqrs"


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ekiden.db"


@pytest.fixture
def pod(store_url: str) -> Iterator[Callable[..., Pod]]:
    started: list[Pod] = []

    def start(**options: str) -> Pod:
        started.append(Pod(store_url, **options))
        return started[-1]

    yield start
    for each in started:
        each.kill()


def bag(count: int) -> bytes:
    header = BagHeader(
        batch=BATCH, bag=0, attempt=0, domain="example.org", due_at=4_000_000_000.0, at=0.0
    )
    return encode_bag(
        header,
        [
            Envelope(
                n=n,
                recipient=f"r{n}@sink.example",
                return_path="b@example.org",
                message=[f"Subject: {n}\r\n\r\nHello.\r\n"],
            )
            for n in range(count)
        ],
    )


async def put(store_url: str, key: str, body: bytes) -> None:
    store = open_store(store_url)
    try:
        await store.put(key, body)
    finally:
        await store.close()


async def left_in(store_url: str) -> dict[str, bytes]:
    store = open_store(store_url)
    try:
        found = [entry.key async for entry in list_all(store, "")]
        return {key: (await store.get(key)).body for key in found}
    finally:
        await store.close()


def test_it_listens_answers_probes_and_ends_at_sigterm(pod: Callable[..., Pod]) -> None:
    here = pod()
    here.ready()
    ready = here.json("/readyz")
    assert ready["store"] == "ok"
    assert ready["listeners"] == {"submission": [here.submission], "inbound": [here.inbound]}
    assert here.json("/queue") == []
    assert get(here.side, "/v1/batches")[0] == 404, "apps have no business here"
    for port in (here.submission, here.inbound):
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            assert client.ehlo()[0] == 250
    assert here.stop() == 0
    assert "stopped" in "".join(here.said)
    assert not any(map(listens, (here.side, here.submission, here.inbound)))


def test_it_sends_what_it_finds_in_the_bucket(pod: Callable[..., Pod], store_url: str) -> None:
    async def story() -> None:
        sink, arrived = Sink(), asyncio.Event()

        def refuse(recipient: str, before: int) -> str | None:
            if recipient == "r29@sink.example":
                arrived.set()
            return "550 5.1.1 no" if recipient == "r7@sink.example" else None

        sink.refuse = refuse
        port = await sink.start()
        await put(store_url, keys.dispatched(BATCH, 0, 0), bag(30))
        here = await asyncio.to_thread(pod, send_route=f"smtp://127.0.0.1:{port}")
        await asyncio.to_thread(here.ready)
        await asyncio.wait_for(arrived.wait(), 20)
        assert await asyncio.to_thread(here.stop) == 0
        await sink.close()
        left = await left_in(store_url)
        told = [body for key, body in left.items() if "/outcomes/" in key]
        lines = [each for body in told for each in decode_lines(body)]
        assert sorted(each.outcome for each in lines) == ["bounced"] + ["delivered"] * 29
        assert {key.partition("/")[0] for key in left} == {"batches", "domains"}

    asyncio.run(story())


def test_what_is_paused_stays_where_it_is(pod: Callable[..., Pod], store_url: str) -> None:
    async def story() -> None:
        sink = Sink()
        port = await sink.start()
        await put(store_url, keys.paused("sink.example"), b'{"reason":"complaints","at":0}')
        await put(store_url, keys.dispatched(BATCH, 0, 0), bag(3))
        here = await asyncio.to_thread(pod, send_route=f"smtp://127.0.0.1:{port}")
        await asyncio.to_thread(here.ready)
        while await asyncio.to_thread(lambda: here.json("/readyz")["open_work"]):
            pass
        assert await asyncio.to_thread(here.stop) == 0
        await sink.close()
        assert sink.connections == 0
        left = await left_in(store_url)
        (waiting,) = [key for key in left if key.startswith(keys.WAITING)]
        assert waiting.endswith(f"/send/{BATCH}/0000.001.jsonl")
        (told,) = [body for key, body in left.items() if "/outcomes/" in key]
        assert {(each.outcome, each.reason, each.text) for each in decode_lines(told)} == {
            ("deferred", "held", "complaints")
        }

    asyncio.run(story())


def test_a_port_that_is_taken_is_said_in_one_line(pod: Callable[..., Pod]) -> None:
    first = pod()
    first.ready()
    second = pod(metrics_port=str(first.side))
    assert second._process.wait(20) == 1
    second._reader.join()
    assert "metrics.port: cannot listen" in second.said[-1]
    assert "Traceback" not in "".join(second.said)
    assert first.stop() == 0


def test_sigterm_right_after_the_start_ends_it(pod: Callable[..., Pod]) -> None:
    here = pod()
    here.ready()
    assert here.stop() == 0
