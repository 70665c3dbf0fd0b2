"""Hourly counts stay as they were when Domains forget what was counted; and what they keep is what
a plain recount says."""

import asyncio
from contextlib import suppress
from random import Random
from typing import Any

import msgspec
import pytest
from mail_history import (
    DAY_S,
    DOMAINS,
    HOUR_S,
    History,
    history,
    of_all,
    published,
    published_of_all,
    recount,
)
from test_counting_is_exact import INTERVAL_S, World, seeded

from shared import keys
from shared.domain_retention.rounds import turn
from shared.domain_retention.wanted import cutoff
from shared.ids import time_of
from shared.model import Content
from shared.stats.compact import Compaction
from shared.store.base import Store, list_all
from shared.store.memory import MemoryStore
from shared.store.wrap import Died, FaultStore

NIGHTS = 60
Wishes = dict[str, dict[str, int]]


def wishes(rng: Random) -> Wishes:
    """Each Domain has its own."""
    return {
        domain: {
            kind: rng.choice(days)
            for kind, days in (("batches", (7, 8, 14, 30)), ("events", (1, 2, 10)))
            if rng.random() < 0.8
        }
        for domain in DOMAINS
    }


async def provide(store: Store, wished: Wishes) -> None:
    for name, days in wished.items():
        await store.put(keys.retention_wish(name), msgspec.json.encode({"days": days}))


async def forget(store: Store, now: float, rng: Random) -> None:
    """As a process that may be killed at any write."""
    with suppress(Died):
        await turn(FaultStore(store, rng.choice([None, rng.randrange(1, 30)])), now)


async def everything(store: Store) -> dict[str, bytes]:
    return {each.key: (await store.get(each.key)).body async for each in list_all(store, "")}


def kept_by_recount(bodies: dict[str, bytes], wished: Wishes, now: float) -> set[str]:
    """Which keys of the whole history should be left, told from the objects alone."""
    contents = {
        keys.parse_batch(key): msgspec.json.decode(body, type=Content)
        for key, body in bodies.items()
        if key.endswith("/content.json")
    }
    left = set()
    for key in bodies:
        kind, name = key.split("/")[:2]
        if kind == "batches":
            content = contents[name]
            days = wished[content.domain].get("batches", 10_000)
            made = max(content.accepted_at, content.due_at)
        elif kind == "events":
            days = wished[name].get("events", 10_000)
            made = float(keys.parse_event(key)[0] >= keys.day(cutoff(days, now))) * now
        else:
            continue
        if made >= cutoff(days, now):
            left.add(key)
    return left


@pytest.mark.parametrize("number", range(4))
def test_counts_are_those_of_a_twin_that_forgets_nothing(number: int) -> None:
    async def story() -> None:
        rng = seeded()
        mail = history(rng, batches=50, span_s=20 * DAY_S)
        whole = MemoryStore(lambda: world.now)
        world = World(mail)
        wished = wishes(rng)
        print(wished)
        await provide(world.store, wished)
        await History(objects=list(mail.objects)).put_until(whole, mail.end)
        one = world.compaction()

        async def step() -> None:
            await one.round()
            await forget(world.store, world.now, rng)

        await world.live(rng, step)
        for _ in range(NIGHTS):
            world.now += rng.choice([7 * HOUR_S, DAY_S])
            await step()
        world.now += DAY_S
        await one.round(at_once=True)
        while await turn(world.store, world.now) <= world.now:
            pass
        expected = await recount(whole)
        assert await published(world.store) == expected
        assert await published_of_all(world.store) == of_all(expected)
        left = {key for key in await everything(world.store) if key.startswith(("b", "e"))}
        left = {key for key in left if not key.endswith("/progress.json")}
        assert left == kept_by_recount(await everything(whole), wished, world.now)

    asyncio.run(story())


def test_who_counts_while_another_forgets_counts_everything_once() -> None:
    """Each at its own pace; two that forget, and two that count, at once."""

    async def story() -> None:
        rng = seeded()
        mail = history(rng, batches=40, span_s=15 * DAY_S)
        whole = MemoryStore(lambda: world.now)
        world = World(mail)
        await provide(world.store, {name: {"batches": 7, "events": 1} for name in DOMAINS})
        await History(objects=list(mail.objects)).put_until(whole, mail.end)

        async def step() -> None:
            works: list[Any] = [
                *(Compaction(world.store, lambda: world.now, INTERVAL_S).round() for _ in "ab"),
                *(forget(world.store, world.now, rng) for _ in "ab"),
            ]
            await asyncio.gather(*rng.sample(works, 4))

        await world.live(rng, step)
        for _ in range(NIGHTS):
            world.now += DAY_S / 2
            await step()
        assert await published(world.store) == await recount(whole)
        assert [key for key in await everything(world.store) if key.endswith("t.json")] == []
        assert all(time_of(key.split("/")[1]) == 0 for key in await everything(world.store))

    asyncio.run(story())
