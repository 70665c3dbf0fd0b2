"""When a sweep compacts: once an hour, also where each sweep is a process of its own."""

import asyncio

import pytest
from suppressed import DOMAIN, Suppressed, addresses

from functions.sweep.sweeping import Sweeping
from functions.sweep.waking import Waking
from shared import keys
from shared.store.wrap import CountingStore
from shared.suppressions.turns import Turns

HALF_PAST = 1_800_001_800.0
MINUTE_S = 60.0
HOUR_S = 3600.0


def turns_taken(times: list[float], *, cold: bool) -> list[float]:
    """At which of these times something was done, by one process or by a fresh one each time."""
    here = Suppressed()
    store = CountingStore(here.store)
    turns = Turns(store, here.clock)
    taken: list[float] = []
    for now in times:
        here.now = now
        before = store.total
        asyncio.run((Turns(store, here.clock) if cold else turns).run_if_due())
        if store.total > before:
            taken.append(now - HALF_PAST)
    return taken


def test_one_process_has_one_turn_an_hour() -> None:
    times = [HALF_PAST + 50 * MINUTE_S + number * 5.0 for number in range(3 * 720)]
    assert turns_taken(times, cold=False) == [HOUR_S, 2 * HOUR_S, 3 * HOUR_S]


def test_a_process_that_begins_in_a_young_hour_takes_its_turn() -> None:
    assert turns_taken([HALF_PAST + 10, HALF_PAST + 20], cold=False) == [10]


def test_a_function_that_is_started_for_each_sweep_has_turns_too() -> None:
    times = [HALF_PAST + number * MINUTE_S for number in range(120)]
    taken = turns_taken(times, cold=True)
    assert 0 < len(taken) <= 10
    assert {at // HOUR_S for at in taken} == {0, 1}


def test_a_clock_that_was_ahead_once_does_not_stop_it() -> None:
    times = [HALF_PAST + 10, HALF_PAST + 9000 * HOUR_S, HALF_PAST + HOUR_S]
    assert turns_taken(times, cold=False)[-1] == HOUR_S


@pytest.mark.parametrize("count", [500, 501])
def test_the_sweep_folds_where_there_are_many(count: int) -> None:
    here = Suppressed()
    here.do(here.store.put(keys.domain_record(DOMAIN), b"{}"))
    here.add_all(addresses(count))
    sweeping = Sweeping(
        here.store, here.clock, Waking(here.store, {}), 30, 5, [Turns(here.store, here.clock)]
    )
    for hour in range(3):
        here.now = HALF_PAST + hour * HOUR_S
        here.do(sweeping.sweep())
    assert len(here.fresh()) == (count if count == 500 else 0)
    assert here.knows(*addresses(count))
