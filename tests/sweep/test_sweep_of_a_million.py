"""What a sweep costs depends on what is due, not on what waits."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from benchmarks.interface import file_store
from benchmarks.sweeping import make, put_waiting
from ekiden.relay import Relay
from functions.sweep.sweeping import Sweeping
from functions.sweep.waking import Waking
from shared import keys
from shared.store import open_store
from shared.store.base import Store, list_all
from shared.store.memory import MemoryStore
from shared.store.wrap import CountingStore

WAITING = 1_000_000
HOUR_S = 3600.0
FORGOTTEN_AFTER_S = 30.0
FIXED = 12
"""A sweep lists each prefix once."""
EACH = 3
"""What is due is read, put in front of its stage, and deleted where it waited."""

Sweep = Callable[[Store], Awaitable[object]]


def by_the_function(store: Store) -> Awaitable[object]:
    return Sweeping(store, time.time, Waking(store, {}), FORGOTTEN_AFTER_S, 5).sweep()


def by_the_relay(store: Store) -> Awaitable[object]:
    return Relay(store, time.time, []).sweep(FORGOTTEN_AFTER_S)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which a million Bags wait for the next hour."""
    folder = tmp_path_factory.mktemp("million")
    make(folder)
    put_waiting(folder, time.time() + HOUR_S, WAITING)
    return folder


def requests_of(place: Path, sweep: Sweep) -> int:
    async def swept() -> int:
        store = CountingStore(open_store(file_store(place)))
        await sweep(store)
        await store.close()
        return store.total

    return asyncio.run(swept())


def released(place: Path) -> int:
    """How many Bags lie before `send` now; takes them away."""

    async def taken() -> int:
        store = open_store(file_store(place))
        found = [entry.key async for entry in list_all(store, keys.DISPATCHED)]
        await store.delete(*found)
        await store.close()
        return len(found)

    return asyncio.run(taken())


@pytest.mark.parametrize("sweep", [by_the_function, by_the_relay])
def test_a_sweep_costs_what_is_due_though_a_million_wait(place: Path, sweep: Sweep) -> None:
    nothing_due = requests_of(place, sweep)
    put_waiting(place, time.time() - HOUR_S, 100, first=WAITING)
    hundred_due = requests_of(place, sweep)
    assert nothing_due <= FIXED
    assert hundred_due == nothing_due + EACH * 100
    assert released(place) == 100


def test_a_page_more_is_listed_for_each_thousand_that_are_due(place: Path) -> None:
    put_waiting(place, time.time() - HOUR_S, 2500, first=2 * WAITING)
    pages = 2500 // 1000 * 2  # where they wait, and where they lie then
    assert requests_of(place, by_the_function) <= FIXED + EACH * 2500 + pages
    assert released(place) == 2500


def test_forgotten_work_costs_what_there_is_of_it() -> None:
    """2,500 objects of one prefix, whose listing has three pages."""
    now = 0.0
    store = CountingStore(MemoryStore(lambda: now))
    sweeping = Sweeping(store, lambda: now, Waking(store, {}), FORGOTTEN_AFTER_S, 5)

    async def forget_and_sweep() -> None:
        nonlocal now
        for number in range(2500):
            await store.inner.put(keys.submitted(f"{number:026d}"), b"")
        now = HOUR_S
        await sweeping.sweep()

    asyncio.run(forget_and_sweep())
    count_and_put_again = 4
    assert store.total <= FIXED + count_and_put_again * 2500 + 3 * 2500 // 1000
