"""Whoever forgets dies at any of its writes, is one of two, or works over a store that fails."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from copy import deepcopy
from functools import cache
from itertools import product
from random import Random
from secrets import randbits
from typing import Any, TypeVar

import msgspec
import pytest
from keeping import DAY_S, DOMAIN, NOW, OTHER, Keeping

from shared import keys
from shared.domain_retention.records import Record
from shared.domain_retention.rounds import LATER_S, TURN_S, turn
from shared.errors import Temporary
from shared.outcome import State
from shared.store.base import Store
from shared.store.wrap import Died, FaultStore, FlakyStore, Wrapper

T = TypeVar("T")
WISHES = {"batches": 7, "events": 3, "received": 2, "calls": 2}


def seeded() -> Random:
    seed = int(os.environ.get("EKIDEN_TEST_SEED", 0)) or randbits(32)
    print(f"EKIDEN_TEST_SEED={seed}")
    return Random(seed)


def filled() -> Keeping:
    """A world like any other that this returns."""
    return deepcopy(_filled())


@cache
def _filled() -> Keeping:
    """Two Domains with something of each kind, old and young, closed and open."""
    here = Keeping()
    here.domain(**WISHES)
    here.domain(OTHER, batches=30)
    for age in (40, 20, 19, 9, 2):
        for domain in (DOMAIN, OTHER):
            batch = here.batch(age, domain)
            if age in (40, 9):
                with here.at(NOW - (age - 1) * DAY_S):
                    here.report(batch, domain)
                    here.event(batch, domain)
                    here.received(domain)
                    here.put(keys.call_log(domain, "w", here.now, "x.000"))
    here.batch(15, due_days=12)
    kept = here.batch(12, state=State.DEFERRED)
    here.put(keys.dispatched(kept, 0, 1))
    here.count()
    return here


def of_mail(here: Keeping) -> dict[str, bytes]:
    """All but the records of those who work on it."""
    return {key: body for key, body in here.bodies("").items() if not key.startswith("control/")}


def record_of(here: Keeping, domain: str = DOMAIN) -> Record:
    return msgspec.json.decode(here.body(keys.retention_of(domain)), type=Record)


def assert_no_batch_looks_unsent(here: Keeping) -> None:
    """A replay of one that has a content and no Outcomes would send it again."""
    for key in here.listed(keys.BATCHES):
        if key.endswith("/content.json"):
            assert here.listed(keys.outcomes(keys.parse_batch(key)))


def test_dying_at_any_write_leaves_what_a_second_run_finds() -> None:
    whole = filled()
    before = of_mail(whole)
    counted = FaultStore(whole.store)
    whole.forget(counted)
    after = of_mail(whole)
    assert len(before) - len(after) > 40
    for number, when in product(range(1, len(counted.writes) + 1), ("before", "after")):
        print(f"dying {when} write {number}: {counted.writes[number - 1]}")
        here = filled()
        with suppress(Died):  # the last write may be the last thing that is done
            here.forget(FaultStore(here.store, number, when))
        left = of_mail(here)
        assert after.items() <= left.items() <= before.items()
        assert_no_batch_looks_unsent(here)
        here.now += TURN_S + 1
        here.forget()
        assert of_mail(here) == after
        assert (record_of(here).going, record_of(here).kept) == ([], record_of(whole).kept)


def test_dying_again_and_again_comes_to_the_same_end() -> None:
    chance = seeded()
    whole = filled()
    whole.forget()
    for _ in range(10):
        here = filled()
        for _ in range(30):
            with suppress(Died):
                here.forget(FaultStore(here.store, chance.randrange(1, 30), "after"))
            assert_no_batch_looks_unsent(here)
            here.now += TURN_S + 1
        here.forget()
        assert of_mail(here) == of_mail(whole)


@pytest.mark.parametrize("days", [{"batches": 3000}, {"events": 9}, {}])
def test_who_died_and_another_wish_came_meanwhile_ends_what_was_begun(
    days: dict[str, int],
) -> None:
    """A Batch whose content is gone has to go; one that has it stays, by the new wish."""
    whole = filled()
    counted = FaultStore(whole.store)
    whole.forget(counted)
    for number in range(1, len(counted.writes) + 1):
        here = filled()
        with suppress(Died):
            here.forget(FaultStore(here.store, number, "before"))
        seen = [key for key in here.listed(keys.BATCHES) if key.endswith("/content.json")]
        here.domain(**days)
        here.domain(OTHER, **days)
        here.now += TURN_S + 1
        here.forget()
        left = {keys.parse_batch(key) for key in here.listed(keys.BATCHES)}
        assert left == set(map(keys.parse_batch, seen))
        assert_no_batch_looks_unsent(here)


def test_what_was_begun_is_not_ended_while_its_content_is_there_or_work_is_open() -> None:
    """A record that says so is wrong, or somebody has put something back."""
    here = Keeping()
    here.domain(batches=7)
    damaged, replayed, begun = (here.batch(1, domain=OTHER) for _ in range(3))
    here.put(keys.content(damaged), b"{")
    here.do(here.store.delete(keys.content(replayed), keys.content(begun)))
    here.put(keys.dispatched(replayed, 0, 0))
    record = Record(going=[damaged, replayed, begun])
    here.put(keys.retention_of(DOMAIN), msgspec.json.encode(record))
    here.forget()
    assert [bool(here.listed(keys.outcomes(each))) for each in (damaged, replayed, begun)] == [
        True,
        True,
        False,
    ]


class Interleaving(Wrapper):
    """Others may come in between any two calls."""

    def __init__(self, inner: Store, chance: Random) -> None:
        super().__init__(inner)
        self._chance = chance

    async def _pass_on(self, op: str, key: str, call: Callable[[], Awaitable[T]]) -> T:
        for _ in range(self._chance.randrange(4)):
            await asyncio.sleep(0)
        return await call()


@pytest.mark.parametrize("turn_number", range(10))
def test_two_at_once_come_to_the_same_end(turn_number: int) -> None:
    """Also where the claim of the first is over while it is still at it, or it dies."""
    chance = seeded()
    whole = filled()
    whole.forget()
    here = filled()

    async def one(later_s: float, store: Store) -> Any:
        for _ in range(chance.randrange(20)):
            await asyncio.sleep(0)
        return await turn(store, here.now + later_s)

    async def all_at_once() -> None:
        dying = FaultStore(Interleaving(here.store, chance), chance.randrange(1, 40))
        others = (one(number * (TURN_S + 1), Interleaving(here.store, chance)) for number in (0, 1))
        await asyncio.gather(one(0, dying), *others, return_exceptions=True)

    here.do(all_at_once())
    assert of_mail(whole).items() <= of_mail(here).items()
    assert_no_batch_looks_unsent(here)
    here.now += 3 * TURN_S + LATER_S
    here.forget()
    assert of_mail(here) == of_mail(whole)
    assert record_of(here).kept == record_of(whole).kept


@pytest.mark.parametrize("turn_number", range(5))
def test_a_store_that_fails_now_and_then_comes_to_the_same_end(turn_number: int) -> None:
    chance = seeded()
    whole = filled()
    whole.forget()
    here = filled()
    flaky = FlakyStore(here.store, chance, 0.05)
    for _ in range(30):
        with suppress(Temporary):
            here.forget(flaky)
        here.now += TURN_S + 1
    here.forget()
    assert of_mail(here) == of_mail(whole)
