"""When it is done, how much at a time, and what it costs."""

import asyncio
from pathlib import Path

import pytest
from keeping import DAY_S, DOMAIN, NOW, OTHER, Keeping

from ekiden.upkeep import upkeep
from functions.sweep import assemble as sweep
from shared import keys
from shared.config import load
from shared.domain_retention import listings, rounds
from shared.domain_retention.turns import RetentionTurns
from shared.store import open_store
from shared.store.wrap import CountingStore

MIDNIGHT = NOW - NOW % DAY_S + DAY_S


def cost(here: Keeping, turns: RetentionTurns, store: CountingStore) -> int:
    before = store.total
    asyncio.run(turns.run_if_due())
    return store.total - before


def test_it_is_done_once_a_day_and_asks_nothing_in_between() -> None:
    here = Keeping()
    here.domain(batches=7)
    store = CountingStore(here.store)
    turns = RetentionTurns(store, lambda: here.now)
    costs = []
    for _ in range(3 * 24 * 60):
        costs.append(cost(here, turns, store))
        here.now += 60
    assert sum(1 for each in costs if each) == 4
    assert here.now - NOW == 3 * DAY_S


def test_a_function_that_is_started_for_each_sweep_asks_once() -> None:
    here = Keeping()
    here.domain(batches=7)
    here.forget()
    store = CountingStore(here.store)
    for _ in range(5):
        here.now += 60
        assert cost(here, RetentionTurns(store, lambda: here.now), store) == 1


def test_domains_without_a_wish_cost_nothing() -> None:
    here = Keeping()
    for number in range(50):
        here.put(keys.domain_record(f"d{number:02d}.example"), b"{}")
        here.batch(20, f"d{number:02d}.example")
    store = CountingStore(here.store)
    cost(here, RetentionTurns(store, lambda: here.now), store)
    assert store.counts == {"get": 1, "list_page": 1, "create": 1, "replace": 1}


def test_batches_of_others_are_not_read_where_none_of_its_own_is() -> None:
    here = Keeping()
    here.domain(batches=7)
    for age in range(8, 40):
        here.batch(age, OTHER)
    own = here.batch(20.5)
    here.count()
    store = CountingStore(here.store)
    here.forget(store)
    assert not here.has(own)
    windows = 33
    assert store.counts["get"] < windows + 15


def test_domains_with_the_same_days_read_each_batch_once() -> None:
    costs = {}
    for domains in (1, 2, 8):
        here = Keeping()
        names = [f"d{number}.example" for number in range(domains)]
        for name in names:
            here.domain(name, batches=30)
        for number in range(48):
            here.batch(20, names[number % domains])  # too young for all of them
            here.batch(40, names[number % domains])
        here.count()
        store = CountingStore(here.store)
        here.forget(store)
        assert len([key for key in here.listed(keys.BATCHES) if "/content" in key]) == 48
        costs[domains] = store.counts["get"]
    assert costs[8] - costs[1] <= 7 * 4, "the records of seven Domains more"


def test_much_is_done_in_many_turns_each_of_which_goes_on_where_the_last_one_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listings.Budget, "__init__", lambda self: setattr(self, "requests", 60))
    here = Keeping()
    here.domain(batches=7)
    here.domain(OTHER, batches=30)
    for number in range(300):
        here.batch(90 - number / 10, (DOMAIN, OTHER)[number % 2])
    here.count()
    store = CountingStore(here.store)
    turns, costs = RetentionTurns(store, lambda: here.now), []
    while here.listed(keys.BATCHES):
        costs.append(cost(here, turns, store))
        here.now += 5
    assert len(costs) > 8
    assert max(costs) < 200
    assert here.now - NOW < DAY_S / 2


def test_thousands_of_domains_are_listed_and_worked_off_in_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rounds, "MOST_LISTED", 20)
    monkeypatch.setattr(rounds, "MOST_DOMAINS", 5)
    here = Keeping()
    batches = []
    for number in range(50):
        name = f"d{number:02d}.example"
        here.domain(name, **({"batches": 7} if number % 2 else {}))
        batches += [here.batch(20, name)] if number % 2 else []
    here.count()
    assert here.forget() >= 5
    assert not any(map(here.has, batches))


def test_the_work_of_a_day_begins_half_an_hour_after_midnight() -> None:
    here = Keeping()
    here.domain(batches=7)
    here.now = MIDNIGHT - 60
    batch = here.batch(7.5)
    here.count()
    here.forget()
    assert here.is_whole(batch)
    here.now = MIDNIGHT + rounds.BEGINS_S - 1
    here.forget()
    assert here.is_whole(batch)
    here.now += 1
    here.forget()
    assert not here.has(batch)


def test_who_has_to_wait_for_another_is_asked_again_later() -> None:
    here = Keeping()
    here.domain(batches=7)
    here.batch(20)
    here.event("x")
    here.forget()  # nothing is counted of a Domain with events
    assert here.do(rounds.turn(here.store, here.now)) - here.now == rounds.LATER_S


def test_a_clock_that_ran_ahead_stops_nobody() -> None:
    here = Keeping()
    here.domain(batches=7)
    with here.at(NOW + 500 * DAY_S):
        here.forget()
    here.batch(20)
    here.count()
    here.forget()
    assert here.listed(keys.BATCHES) == []
    turns = RetentionTurns(here.store, lambda: here.now)
    with here.at(NOW + 500 * DAY_S):
        here.do(turns.run_if_due())
    store = CountingStore(here.store)
    turns._store = store
    here.do(turns.run_if_due())
    assert store.total


def test_every_process_that_sweeps_does_it(tmp_path: Path) -> None:
    config = load(environ={}, flags={})
    store = open_store(f"sqlite:///{tmp_path}/ekiden.db")
    own = [each.turn for each in upkeep(config, store)]
    assert any(isinstance(each, RetentionTurns) for each in own)
    here = Keeping()
    here.domain(batches=7)
    batch = here.batch(20)
    asyncio.run(sweep.sweeping(config, here.store, lambda: here.now).sweep())
    assert not here.has(batch), "it is counted before"
