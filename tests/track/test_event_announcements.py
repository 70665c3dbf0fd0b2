"""`track` dies around its writes: of what is stored, Webhooks hear."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

import pytest
from hearing import hearing_app
from test_track_face import BATCH, DELIVERY, DOMAIN

from functions.notify.stage import NEVER_CAME_S, NotStoredYet
from functions.track import recorder as recording
from functions.track.recorder import Recorder
from shared import keys
from shared.domains import Directory
from shared.feedback import OPENED, Event
from shared.ids import batch_id
from shared.notifying import STORED_WITHIN_S, Announcer
from shared.provision import add_domain
from shared.store.base import Store, list_all
from shared.store.memory import MemoryStore
from shared.store.wrap import Died, FaultStore, Wrapper

NOW = 1_800_000_000.0

T = TypeVar("T")


class Time:
    now = NOW

    def __call__(self) -> float:
        return self.now


EVENT = Event(delivery=DELIVERY, recipient="", kind=OPENED, at=NOW, batch=BATCH)


async def place() -> tuple[Store, Time]:
    clock = Time()
    store = MemoryStore(clock)
    await add_domain(store, DOMAIN, ["ed25519-sha256"], NOW)
    return store, clock


def recorder(store: Store, clock: Time) -> Recorder:
    return Recorder(store, clock, 0.0, Announcer(store, Directory(store, clock)))


async def present(store: Store, prefix: str) -> list[str]:
    return [entry.key async for entry in list_all(store, prefix)]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("die_at", [1, 2])
def test_what_is_stored_is_told_wherever_it_dies(
    die_at: int, when: Literal["before", "after"]
) -> None:
    async def story() -> None:
        store, clock = await place()
        async with hearing_app(store, DOMAIN, clock) as app:
            dying = FaultStore(store, die_at, when)
            with pytest.raises(Died):
                await recorder(dying, clock).record(DOMAIN, EVENT)
            clock.now += STORED_WITHIN_S
            await app.hear()
            stored = await present(store, keys.EVENTS)
            assert len(stored) == len(app.told) == (die_at == 2 and when == "after")
            assert not await present(store, keys.NOTIFYING), "what never came is dropped"
            assert not await present(store, keys.FAILED)

    asyncio.run(story())


def test_without_a_death_it_is_told_once() -> None:
    async def story() -> None:
        store, clock = await place()
        async with hearing_app(store, DOMAIN, clock) as app:
            writing = FaultStore(store)
            await recorder(writing, clock).record(DOMAIN, EVENT)
            await app.hear()
            assert [keys.kind_of(key) for _, key in writing.writes] == ["notifying", "events"]
            assert [kind for kind, _ in app.events] == ["delivery.opened"]

    asyncio.run(story())


async def announced_only(store: Store, clock: Time, made_at: float) -> None:
    source = keys.event(DOMAIN, made_at, batch_id(made_at, bytes(10)))
    announcer = Announcer(store, Directory(store, clock))
    assert await announcer.announce(DOMAIN, source, {OPENED}, clock())


def test_what_is_about_to_be_stored_is_asked_for_again() -> None:
    async def story() -> None:
        store, clock = await place()
        async with hearing_app(store, DOMAIN, clock) as app:
            await announced_only(store, clock, NOW)
            with pytest.raises(NotStoredYet):
                await app.hear()
            assert await present(store, keys.NOTIFYING)

    asyncio.run(story())


def test_what_was_there_and_is_deleted_fails_so_that_a_person_sees_it() -> None:
    async def story() -> None:
        store, clock = await place()
        async with hearing_app(store, DOMAIN, clock) as app:
            await announced_only(store, clock, NOW - NEVER_CAME_S - 1)
            await app.hear()
            assert len(await present(store, keys.FAILED)) == 1

    asyncio.run(story())


class Slow(Wrapper):
    """Everybody else goes on while an event is being stored: `meanwhile` says how."""

    def __init__(self, inner: Store, meanwhile: Callable[[], Awaitable[None]]) -> None:
        super().__init__(inner)
        self._meanwhile = meanwhile

    async def _pass_on(self, op: str, key: str, call: Callable[[], Awaitable[T]]) -> T:
        if op == "create" and key.startswith(keys.EVENTS):
            await self._meanwhile()
        return await call()


def test_what_was_given_up_while_it_was_stored_is_announced_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recording, "STORED_WITHIN_S", -1.0)  # however long it took, it was too long

    async def story() -> None:
        store, clock = await place()
        async with hearing_app(store, DOMAIN, clock) as app:

            async def given_up() -> None:
                clock.now += STORED_WITHIN_S
                await app.hear()
                assert not await present(store, keys.NOTIFYING)

            await recorder(Slow(store, given_up), clock).record(DOMAIN, EVENT)
            await app.hear()
            assert [kind for kind, _ in app.events] == ["delivery.opened"]

    asyncio.run(story())
