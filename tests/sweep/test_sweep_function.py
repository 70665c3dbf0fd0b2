"""The sweep for stages that run elsewhere: it wakes, counts, and gives up."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import msgspec
import pytest

from functions.sweep.face import TimerFace
from functions.sweep.sweeping import CROWD, Sweeping, Swept
from functions.sweep.waking import Waking
from shared import keys
from shared.errors import StoreRefused, StoreUnavailable
from shared.http import Request
from shared.stage import Failure
from shared.store.base import list_all
from shared.store.memory import MemoryStore
from shared.store.wrap import Died, FaultStore

BATCH = "01hf7yat00abcdefghjkmnpqrs"
OLD, YOUNG = 1_800_000_000.0, 1_800_000_100.0
WORK = keys.validated(BATCH, 0)
BAG = keys.dispatched(BATCH, 0, 0)


class Place:
    """A store, its time, and a sweep over it."""

    def __init__(self, targets: dict[str, str] | None = None, token: str = "") -> None:
        self.now = OLD
        self.store = MemoryStore(lambda: self.now)
        waking = Waking(self.store, targets or {}, token)
        self.sweeping = Sweeping(self.store, lambda: self.now, waking, 30.0, 5)

    def put(self, key: str, body: bytes = b"work") -> None:
        asyncio.run(self.store.put(key, body))

    def sweep(self) -> Swept:
        return asyncio.run(self.sweeping.sweep())

    def keys(self, prefix: str = "") -> list[str]:
        async def read() -> list[str]:
            return [entry.key async for entry in list_all(self.store, prefix)]

        return asyncio.run(read())

    def get(self, key: str) -> Any:
        return asyncio.run(self.store.get(key))


def test_due_work_is_put_in_front_of_its_stage() -> None:
    place = Place()
    place.put(keys.waiting(OLD + 10, BAG))
    place.put(keys.waiting(OLD + 500, keys.dispatched(BATCH, 1, 0)))
    place.now = YOUNG
    assert place.sweep().released == 1
    assert BAG in place.keys(keys.DISPATCHED)
    assert len(place.keys(keys.WAITING)) == 1


def test_forgotten_work_is_put_again_so_that_the_bucket_tells_of_it() -> None:
    place = Place()
    place.put(WORK)
    place.now = YOUNG
    assert place.sweep().woken == {"dispatch": 1}
    assert (place.get(WORK).modified, place.get(WORK).body) == (YOUNG, b"work")
    assert not place.sweep().woken, "it was just woken"


def test_what_was_put_a_moment_ago_is_not_forgotten() -> None:
    place = Place()
    place.put(WORK)
    place.now = OLD + 5
    assert not place.sweep().woken


def test_what_was_woken_too_often_goes_to_failed_with_its_body() -> None:
    place = Place()
    place.put(WORK)
    for _ in range(5):
        place.now += 100
        assert place.sweep().woken == {"dispatch": 1}
    place.now += 100
    assert place.sweep().failed == 1
    failure = msgspec.json.decode(place.get(keys.failed("dispatch", WORK)).body, type=Failure)
    assert (failure.body, failure.tries, failure.cause) == (b"work", 5, "WokenTooOften")
    assert place.keys(keys.VALIDATED) == place.keys(keys.REDRIVES) == []


def test_the_count_is_forgotten_when_the_work_is_done() -> None:
    place = Place()
    place.put(WORK)
    place.now = YOUNG
    place.sweep()
    assert len(place.keys(keys.REDRIVES)) == 1
    asyncio.run(place.store.delete(WORK))
    place.sweep()
    assert place.keys(keys.REDRIVES) == []


def test_a_bag_that_somebody_is_sending_is_not_forgotten() -> None:
    place = Place()
    place.put(BAG)
    lease = {"owner": "another", "until": YOUNG + 60}
    place.put(keys.lease(BATCH, 0, 0), msgspec.json.encode(lease) + b"\n{journal}")
    place.now = YOUNG
    assert (place.sweep().leased, place.get(BAG).modified) == (1, OLD)
    place.now = YOUNG + 100
    assert place.sweep().woken == {"send": 1}


def test_of_two_sweeps_at_once_one_wakes() -> None:
    place = Place()
    place.put(WORK)
    place.now = YOUNG

    async def both() -> list[Swept]:
        return list(await asyncio.gather(place.sweeping.sweep(), place.sweeping.sweep()))

    done = asyncio.run(both())
    assert sum(each.woken["dispatch"] for each in done) in (1, 2)
    assert msgspec.json.decode(place.get(keys.redrives(WORK)).body)["count"] <= 2


def test_missing_events_are_noticed(caplog: pytest.LogCaptureFixture) -> None:
    place = Place()
    for bag in range(4):
        place.put(keys.validated(BATCH, bag))
    place.now = YOUNG
    place.sweep()
    assert "do the bucket's events reach it" in caplog.text


def test_dying_at_any_write_loses_nothing() -> None:
    for die_at in range(1, 8):
        place = Place()
        place.put(WORK)
        place.put(keys.waiting(OLD, BAG))
        place.now = YOUNG
        mortal = FaultStore(place.store, die_at, "before")
        waking = Waking(mortal, {})
        dying = Sweeping(mortal, lambda place=place: place.now, waking, 30.0, 5)
        with suppress(Died):
            asyncio.run(dying.sweep())
        place.sweep()
        assert place.get(WORK).body == b"work"
        assert BAG in place.keys(keys.DISPATCHED)


class Target(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        told: list[Any] = self.server.told  # type: ignore[attr-defined]
        told.append((json.loads(body), self.headers.get("authorization")))
        status = self.server.status  # type: ignore[attr-defined]
        if status:
            self.send_response(status)
            self.end_headers()
        else:
            self.close_connection = True  # it died of the work

    def log_message(self, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def target() -> Iterator[Any]:
    server = HTTPServer(("127.0.0.1", 0), Target)
    server.told = []  # type: ignore[attr-defined]
    server.status = 204  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_stage_with_an_address_is_told_there(target: Any) -> None:
    place = Place({"dispatch": f"http://127.0.0.1:{target.server_port}/"}, "secret")
    place.put(WORK)
    place.now = YOUNG
    assert place.sweep().woken == {"dispatch": 1}
    assert target.told == [({"key": WORK}, "Bearer secret")]
    assert place.get(WORK).modified == OLD, "it was not put again"


@pytest.mark.parametrize(
    ("status", "counted"),
    [(204, 1), (500, 1), (422, 1), (0, 1), (409, 0), (429, 0), (503, 0)],
)
def test_only_a_try_counts(status: int, counted: int, target: Any) -> None:
    target.status = status
    place = Place({"dispatch": f"http://127.0.0.1:{target.server_port}/"})
    place.put(WORK)
    place.now = YOUNG
    place.sweep()
    counts = [msgspec.json.decode(place.get(key).body) for key in place.keys(keys.REDRIVES)]
    assert [each["count"] for each in counts] == [1] * counted


def test_a_stage_that_is_not_there_is_no_try() -> None:
    place = Place({"dispatch": "http://127.0.0.1:1/"})
    place.put(WORK)
    place.now = YOUNG
    for _ in range(10):
        place.sweep()
    assert place.keys(keys.VALIDATED) == [WORK]


def test_a_crowd_that_nothing_comes_of_for_a_day_is_given_up() -> None:
    place = Place()
    for bag in range(CROWD + 1):
        place.put(keys.validated(BATCH, bag))
    for _ in range(10):
        place.now += 4 * 3600
        place.sweep()
    assert len(place.keys(keys.FAILED)) == CROWD + 1


@pytest.mark.parametrize("number", [CROWD, CROWD + 1])
def test_what_waits_in_a_crowd_is_woken_and_not_given_up(number: int) -> None:
    place = Place()
    for bag in range(number):
        place.put(keys.validated(BATCH, bag))
    for _ in range(8):
        place.now += 100
        place.sweep()
    crowd = number > CROWD
    assert len(place.keys(keys.VALIDATED)) == (number if crowd else 0)
    assert len(place.keys(keys.FAILED)) == (0 if crowd else number)


def test_a_stage_that_does_not_answer_is_told_by_the_next_sweep() -> None:
    place = Place({"dispatch": "http://127.0.0.1:1/"})
    place.put(WORK)
    place.now = YOUNG
    assert place.sweep().woken == {"dispatch": 1}
    assert place.sweep().woken == {"dispatch": 1}


def test_a_timer_gets_an_empty_answer_whatever_it_sends() -> None:
    place = Place()
    face = TimerFace(place.sweeping, place.store)

    async def answers() -> list[int]:
        bodies = [b"", b"{}", b"no json", b"[1]"]
        posts = [await face.handle(Request("POST", "/sweep", {}, body)) for body in bodies]
        return [each.status for each in [*posts, await face.handle(Request("GET", "/"))]]

    assert asyncio.run(answers()) == [204, 204, 204, 204, 405]


def test_a_store_that_is_away_is_a_503() -> None:
    class Away(MemoryStore):
        async def list_page(self, *args: Any, **given: Any) -> Any:
            raise StoreUnavailable("away")

    store = Away()
    face = TimerFace(Sweeping(store, lambda: OLD, Waking(store, {}), 30.0, 5), store)
    assert asyncio.run(face.handle(Request("POST", "/"))).status == 503
    assert asyncio.run(face.ready()).status == 503


def test_one_that_cannot_be_given_up_stops_no_other() -> None:
    class Refusing(MemoryStore):
        async def put(self, key: str, body: bytes) -> str:
            if key == keys.failed("dispatch", WORK):
                raise StoreRefused("the key is too long")
            return await super().put(key, body)

    place = Place()
    place.store = Refusing(lambda: place.now)
    waking = Waking(place.store, {})
    place.sweeping = Sweeping(place.store, lambda: place.now, waking, 30.0, 0)
    other = keys.validated(BATCH, 1)
    for key in (WORK, other):
        place.put(key)
    place.now = YOUNG
    place.sweep()
    assert place.keys(keys.VALIDATED) == [WORK]
    assert place.keys(keys.FAILED) == [keys.failed("dispatch", other)]


def test_an_upload_that_cannot_be_put_again_stops_no_other() -> None:
    class Refusing(MemoryStore):
        async def create(self, key: str, body: bytes) -> str:
            if key.startswith("inbox/a.example"):
                raise StoreRefused("the key is too long")
            return await super().create(key, body)

    place = Place()
    place.store = Refusing(lambda: place.now)
    waking = Waking(place.store, {})
    place.sweeping = Sweeping(place.store, lambda: place.now, waking, 30.0, 5)
    for key in ("inbox/a.example/x.json", "inbox/b.example/x.json"):
        place.put(key)
    place.now = YOUNG
    place.sweep()
    again = keys.put_back("inbox/b.example/x.json", int(OLD * 1000), b"work")
    assert place.keys(keys.INBOX) == ["inbox/a.example/x.json", again]
