"""The recorder when the store is slow, refuses, or answers twice: nobody waits for ever, nothing
piles up, and one Domain's trouble is no other's."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from test_track_face import BATCH, DELIVERY, DOMAIN, FIREFOX, NOW, OTHER, Reader

from functions.track import recorder as recording
from functions.track.face import TrackFace
from functions.track.recorder import Recorder, TooMany
from shared import keys
from shared.domains import Directory
from shared.errors import AlreadyExists, StoreRefused
from shared.feedback import OPENED, Event
from shared.http import Request
from shared.notifying import Announcer
from shared.store.base import Store
from shared.store.memory import MemoryStore
from shared.store.wrap import Wrapper
from shared.tracking import Level
from shared.tracking_tokens import CLICK, OPEN, UNSUBSCRIBE

T = TypeVar("T")

EVENT = Event(delivery=DELIVERY, recipient="", kind=OPENED, at=NOW, batch=BATCH)


class Troubled(Wrapper):
    """Its creates of events wait until they may go on, or fail when they are done."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.may_go_on = asyncio.Event()
        self.error: Exception | None = None

    async def _pass_on(self, op: str, key: str, call: Callable[[], Awaitable[T]]) -> T:
        is_event = op == "create" and key.startswith("events/")
        if is_event and self.error is None:
            await self.may_go_on.wait()
        done = await call()
        if is_event and self.error is not None:
            raise self.error
        return done


def clock() -> float:
    return NOW


@pytest.fixture(autouse=True)
def _is_soon_out_of_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "PATIENCE_S", 0.01)


def test_a_reader_is_led_on_when_the_store_does_not_answer_and_the_event_counts() -> None:
    reader = Reader()
    path = f"/c/{reader.token(CLICK, Level.FULL, 'https://a.example')}"

    async def act() -> None:
        store = Troubled(reader.store)
        face = TrackFace(store, clock, Recorder(store, clock, 0.0))
        answer = await face.handle(Request("GET", path, {"user-agent": FIREFOX}))
        assert (answer.status, answer.headers["location"]) == (302, "https://a.example")
        store.may_go_on.set()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})  # type: ignore[arg-type]

    reader.do(act())
    assert [event.url for event in reader.events()] == ["https://a.example"]


def test_who_unsubscribes_is_not_told_that_it_is_done_before_it_is_stored() -> None:
    reader = Reader()
    path = f"/u/{reader.token(UNSUBSCRIBE)}"

    async def act() -> int:
        store = Troubled(reader.store)
        face = TrackFace(store, clock, Recorder(store, clock, 0.0))
        return (await face.handle(Request("POST", path, {}))).status

    assert reader.do(act()) == 503


@pytest.mark.parametrize("kind", [OPEN, CLICK])
def test_a_store_that_refuses_events_stops_no_reader(kind: str) -> None:
    reader = Reader()
    path = f"/{kind}/{reader.token(kind, url='https://a.example' if kind == CLICK else '')}"

    async def act() -> int:
        store = Troubled(reader.store)
        store.error = StoreRefused("the bucket is over its quota")
        face = TrackFace(store, clock, Recorder(store, clock, 0.0))
        return (await face.handle(Request("GET", path, {}))).status

    assert reader.do(act()) == (200 if kind == OPEN else 302)


def test_an_event_that_a_repeated_request_finds_stored_is_stored() -> None:
    async def act() -> None:
        store = Troubled(MemoryStore(clock))
        store.error = AlreadyExists("by the first try, whose answer was lost")
        await Recorder(store, clock, 0.0).record(DOMAIN, EVENT)

    asyncio.run(act())


def test_events_that_are_being_written_count_as_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MOST_WAITING", 10)

    async def act() -> tuple[list[BaseException | None], int]:
        store = Troubled(MemoryStore(clock))
        recorder = Recorder(store, clock, 0.0)

        async def crowd() -> list[BaseException | None]:
            calls = [recorder.record(DOMAIN, EVENT) for _ in range(6)]
            return await asyncio.gather(*calls, return_exceptions=True)

        refused = [error for _ in range(2) for error in await crowd()]
        store.may_go_on.set()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})  # type: ignore[arg-type]
        return refused, [type(error) for error in await crowd()].count(TooMany)

    refused, later = asyncio.run(act())
    assert [type(error) for error in refused].count(TooMany) == 2
    assert later == 0, "what is stored makes room"


def test_a_domain_with_a_broken_record_costs_no_other_its_events() -> None:
    reader = Reader()
    paths = [f"/o/{reader.token(OPEN, domain=domain)}" for domain in (DOMAIN, OTHER)]
    unsubscribe = f"/u/{reader.token(UNSUBSCRIBE)}"
    reader.do(reader.store.put(keys.domain_record(OTHER), b"{"))

    async def act() -> list[int]:
        announcer = Announcer(reader.store, Directory(reader.store, clock))
        face = TrackFace(reader.store, clock, Recorder(reader.store, clock, 0.0, announcer))
        requests = [Request("GET", path, {"user-agent": FIREFOX}) for path in paths]
        requests.append(Request("POST", unsubscribe, {}))
        return [each.status for each in await asyncio.gather(*map(face.handle, requests))]

    assert reader.do(act()) == [200, 200, 200]
    assert len(reader.events()) == 3
