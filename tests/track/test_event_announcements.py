"""`track` dies around its writes: of what is stored, Webhooks hear."""

import asyncio
from typing import Literal

import pytest
from hearing import hearing_app
from test_track_face import BATCH, DELIVERY, DOMAIN

from functions.notify.stage import NEVER_CAME_S, STORED_WITHIN_S, NotStoredYet
from functions.track.recorder import Recorder
from shared import keys
from shared.domains import Directory
from shared.feedback import OPENED, Event
from shared.ids import batch_id
from shared.notifying import Announcer
from shared.provision import add_domain
from shared.store.base import Store, list_all
from shared.store.memory import MemoryStore
from shared.store.wrap import Died, FaultStore

NOW = 1_800_000_000.0


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
