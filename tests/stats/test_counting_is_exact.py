"""Hourly counts equal a recount from the raw objects, whatever happened to those who counted."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from random import Random
from secrets import randbits
from typing import Any, TypeVar

import pytest
from mail_history import (
    DAY_S,
    HOUR_S,
    START,
    History,
    history,
    of_all,
    published,
    published_of_all,
    recount,
)

from shared.errors import Temporary
from shared.stats.compact import Compaction
from shared.store.base import Store
from shared.store.memory import MemoryStore
from shared.store.wrap import Died, FaultStore, FlakyStore, Wrapper

T = TypeVar("T")
INTERVAL_S = 60.0
ALL_PASSES_S = (60, 60, 600, 600, 6 * HOUR_S, 6 * HOUR_S, 3 * DAY_S, 3 * DAY_S, 31 * DAY_S)


def seeded() -> Random:
    seed = int(os.environ.get("EKIDEN_TEST_SEED", 0)) or randbits(32)
    print(f"EKIDEN_TEST_SEED={seed}")
    return Random(seed)


class World:
    """A bucket that fills up, and the time."""

    def __init__(self, story: History) -> None:
        self.now = START
        self.story = story
        self.store = MemoryStore(lambda: self.now)

    def compaction(self, store: Store | None = None) -> Compaction:
        return Compaction(store or self.store, lambda: self.now, INTERVAL_S)

    async def live(self, rng: Random, step: Callable[[], Awaitable[None]]) -> None:
        """Let all of the story happen; take `step` now and then."""
        end = self.story.end
        while self.now < end:
            self.now += rng.choice([7, 61, 400, HOUR_S, 5 * HOUR_S])
            await self.story.put_until(self.store, self.now)
            await step()

    async def settle(self) -> None:
        """Until every pass has come by."""
        for later_s in ALL_PASSES_S:
            self.now += later_s
            while (await self.compaction().round(at_once=True)).behind:
                pass

    async def assert_exact(self) -> None:
        expected = await recount(self.store)
        assert await published(self.store) == expected
        assert await published_of_all(self.store) == of_all(expected)


class Interleaving(Wrapper):
    """Others may come in between any two calls."""

    def __init__(self, inner: Store, rng: Random) -> None:
        super().__init__(inner)
        self._rng = rng

    async def _pass_on(self, op: str, key: str, call: Callable[[], Awaitable[T]]) -> T:
        for _ in range(self._rng.randrange(4)):
            await asyncio.sleep(0)
        return await call()


def test_counts_are_those_of_a_recount() -> None:
    async def story() -> None:
        rng = seeded()
        world = World(history(rng, batches=60))
        one = world.compaction()

        async def step() -> None:
            await one.round()

        await world.live(rng, step)
        await world.settle()
        await world.assert_exact()

    asyncio.run(story())


@pytest.mark.parametrize("when", ["before", "after"])
def test_who_is_killed_at_any_write_counts_nothing_twice_and_forgets_nothing(when: Any) -> None:
    async def story() -> None:
        rng = seeded()
        world = World(history(rng))

        async def step() -> None:
            dying = FaultStore(world.store, rng.randrange(1, 12), when)
            with contextlib.suppress(Died):
                await world.compaction(dying).round(at_once=True)

        await world.live(rng, step)
        await world.settle()
        await world.assert_exact()

    asyncio.run(story())


@pytest.mark.parametrize("when", ["before", "after"])
def test_every_single_write_of_a_round_may_be_the_last(when: Any) -> None:
    async def story() -> None:
        rng = seeded()
        die_at, died = 0, True
        while died:
            die_at += 1
            world = World(history(Random(7), batches=8, span_s=HOUR_S))
            world.now = START + 9 * DAY_S
            await world.story.put_until(world.store, world.now)
            try:
                await world.compaction(FaultStore(world.store, die_at, when)).round()
                died = False
            except Died:
                pass
            world.now += rng.choice([150, HOUR_S])
            await world.compaction().round()
            await world.assert_exact()
        assert die_at > 10

    asyncio.run(story())


def test_two_that_count_at_once_count_everything_once() -> None:
    async def story() -> None:
        rng = seeded()
        world = World(history(rng))

        async def step() -> None:
            rounds = (
                world.compaction(Interleaving(world.store, rng)).round(at_once=True)
                for _ in range(rng.choice([2, 2, 3]))
            )
            await asyncio.gather(*rounds)

        await world.live(rng, step)
        await world.settle()
        await world.assert_exact()

    asyncio.run(story())


def test_two_at_once_of_which_one_is_killed() -> None:
    async def story() -> None:
        rng = seeded()
        world = World(history(rng))

        async def step() -> None:
            dying = FaultStore(Interleaving(world.store, rng), rng.randrange(1, 20))
            await asyncio.gather(
                world.compaction(dying).round(at_once=True),
                world.compaction(Interleaving(world.store, rng)).round(at_once=True),
                return_exceptions=True,
            )

        await world.live(rng, step)
        await world.settle()
        await world.assert_exact()

    asyncio.run(story())


def test_a_store_that_fails_now_and_then_changes_no_number() -> None:
    async def story() -> None:
        rng = seeded()
        world = World(history(rng))
        flaky = world.compaction(FlakyStore(world.store, rng, 0.05))

        async def step() -> None:
            with contextlib.suppress(Temporary):
                await flaky.round(at_once=True)

        await world.live(rng, step)
        await world.settle()
        await world.assert_exact()

    asyncio.run(story())


def test_a_bucket_with_old_mail_is_counted_from_its_beginning() -> None:
    async def story() -> None:
        world = World(history(seeded(), batches=40))
        world.now = START + 40 * DAY_S
        await world.story.put_until(world.store, world.now)
        await world.compaction().round()
        await world.assert_exact()

    asyncio.run(story())
