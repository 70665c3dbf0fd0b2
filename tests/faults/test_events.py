"""Events come twice, late, out of order, at the same moment, or never: the end is the same."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import TypeVar

import msgspec
import pytest
from endings import MESSAGE, SEVEN, Ending, refuse, see_ending
from lives import LEASE_OVER_S, Process, World, process, run, seeded_random, world
from station import DOMAIN

from shared import keys
from shared.errors import Temporary
from shared.stage import Wake
from shared.store.base import Store
from shared.store.wrap import Wrapper
from shared.sweep import forgotten, release_due

T = TypeVar("T")
MOST_SWEEPS = 200
"""More than any order of events needs: beyond it, something is stuck."""

UPLOADS = {
    f"inbox/{DOMAIN}/seven.json": msgspec.json.encode(SEVEN),
    f"inbox/{DOMAIN}/fay.eml": MESSAGE,
}


class UnevenStore(Wrapper):
    """Lets others go first, now and then, before and after each call."""

    def __init__(self, inner: Store, rng: Random) -> None:
        super().__init__(inner)
        self._rng = rng

    async def _pass_on(self, op: str, key: str, call: Callable[[], Awaitable[T]]) -> T:
        await self._yield()
        result = await call()
        await self._yield()
        return result

    async def _yield(self) -> None:
        for _ in range(self._rng.randrange(4)):
            await asyncio.sleep(0)


class WildEvents:
    """Hands events to two processes as no queue should."""

    def __init__(self, here: World, processes: list[Process], rng: Random, told: list[int]) -> None:
        self.world = here
        self.processes = processes
        self.rng = rng
        self.told = told
        """How often an event is told of; each time one of these."""
        self.events: list[Wake] = []
        self.seen: list[Wake] = []
        """Each may come again at any time, even when all is done."""

    async def until_nothing_is_left(self) -> None:
        """The sweep finds what was lost, also when nothing was heard of it at all."""
        for sweep in range(1, MOST_SWEEPS):
            if sweep % 20 == 0:
                self.world.now += LEASE_OVER_S  # a lease that was left behind ends with time
            while self.events:
                await self._some_at_once()
            now = self.world.now
            self.events += [event async for event in release_due(self.world.store, now)]
            self.events += [event async for event in forgotten(self.world.store, now)]
            if not await self.world.keys(*keys.WORK):
                return
        raise AssertionError(f"still open: {await self.world.keys(*keys.WORK)}")

    async def _some_at_once(self) -> None:
        rng = self.rng
        rng.shuffle(self.events)
        count = rng.randint(1, 6)
        late = rng.choices(self.seen, k=rng.randrange(3)) if self.seen else []
        chosen = [*self.events[:count], *late]
        del self.events[:count]
        await asyncio.gather(*(self._handle(event) for event in chosen))

    async def _handle(self, event: Wake) -> None:
        try:
            self._announce(await self.rng.choice(self.processes).do(event))
        except Temporary:
            return  # held by another: nobody tells again, but the sweep

    def _announce(self, ready: Sequence[Wake]) -> None:
        self.seen += ready
        for event in ready:
            self.events += [event] * self.rng.choice(self.told)


async def wild_ending(rng: Random, told: list[int]) -> Ending:
    def uneven(store: Store) -> Store:
        return UnevenStore(store, rng)

    async with (
        world(refuse) as here,
        process(here, between=uneven, owner="a") as a,
        process(here, between=uneven, owner="b") as b,
    ):
        await here.put(UPLOADS)
        events = WildEvents(here, [a, b], rng, told)
        await events.until_nothing_is_left()
        here.at(500)
        await events.until_nothing_is_left()
        here.at(600)
        events.events = list(events.seen)  # all of them once more, long after
        await events.until_nothing_is_left()
        return await see_ending(here)


async def quiet_ending() -> Ending:
    async with world(refuse) as here, process(here) as alive:
        await here.put(UPLOADS)
        await alive.settle()
        here.at(500)
        await alive.settle()
        return await see_ending(here)


@pytest.mark.parametrize("run_number", range(40))
def test_events_doubled_dropped_and_reordered_change_nothing(run_number: int) -> None:
    ending = run(wild_ending(seeded_random(), told=[0, 0, 1, 1, 2, 3]))
    assert ending == run(quiet_ending())
    assert set(ending.received.values()) == {1}, "and nothing is sent twice"


def test_no_event_at_all_changes_nothing_either() -> None:
    ending = run(wild_ending(seeded_random(), told=[0]))
    assert ending == run(quiet_ending())
