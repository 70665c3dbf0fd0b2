"""What a process changes itself counts in it at once; what others change, when it looks again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from suppressed import DOMAIN, LATER_S, NOW, Suppressed, entry

from shared.domains import REMEMBER_S, Directory
from shared.store.memory import MemoryStore
from shared.store.wrap import CountingStore, Wrapper
from shared.suppressions import Suppressions, digest, editing, lately
from shared.suppressions.csv_lines import read
from shared.suppressions.importing import import_rows

ANN, BEN = digest("ann@sink.example"), digest("ben@sink.example")

T = TypeVar("T")


class Process:
    """A process that has asked once, and so remembers."""

    def __init__(self) -> None:
        self.now = NOW
        self.store = CountingStore(MemoryStore(self.clock))
        self.asked = Suppressions(self.store, Directory(self.store, self.clock))

    def clock(self) -> float:
        return self.now

    async def knows(self, digest: str) -> bool:
        return digest in await self.asked.of(DOMAIN)


def test_an_address_that_is_added_here_counts_at_once_and_costs_no_request() -> None:
    async def act() -> None:
        here = Process()
        assert not await here.knows(ANN)
        await editing.add(here.store, DOMAIN, entry("Ann@sink.example"))
        before = here.store.total
        assert await here.knows(ANN)
        assert here.store.total == before
        assert not await here.knows(BEN)

    asyncio.run(act())


def test_an_address_that_is_taken_away_here_may_be_written_to_at_once() -> None:
    async def act() -> None:
        here = Process()
        for _ in range(2):
            await editing.add(here.store, DOMAIN, entry("ann@sink.example"))
            assert await here.knows(ANN)
            await editing.remove(here.store, DOMAIN, ANN)
            assert not await here.knows(ANN)

    asyncio.run(act())


def test_what_another_process_takes_away_may_be_written_to_when_it_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lately, "KEPT_S", 0.0)

    async def act() -> None:
        here = Process()
        await editing.add(here.store, DOMAIN, entry("ann@sink.example"))
        assert await here.knows(ANN)
        await editing.remove(here.store.inner, DOMAIN, ANN)
        here.now += LATER_S
        assert not await here.knows(ANN)

    asyncio.run(act())


def test_what_is_imported_here_counts_at_once() -> None:
    async def act() -> None:
        here = Process()
        known = await here.asked.of(DOMAIN)
        await import_rows(here.store, DOMAIN, read([b"ann@sink.example\n"], NOW), known, NOW)
        assert await here.knows(ANN)

    asyncio.run(act())


class Halting(Wrapper):
    """A listing that is at its end waits to be given out."""

    def __init__(self) -> None:
        super().__init__(MemoryStore(lambda: NOW))
        self.is_listed, self.may_go_on = asyncio.Event(), asyncio.Event()

    async def _pass_on(self, op: str, key: str, call: Callable[[], Awaitable[T]]) -> T:
        done = await call()
        if op == "list_page" and key.endswith("/suppressions/"):
            self.is_listed.set()
            await self.may_go_on.wait()
        return done


def test_an_address_that_is_added_during_a_listing_counts_behind_it() -> None:
    async def act() -> None:
        store = Halting()
        asked = Suppressions(store, Directory(store, lambda: NOW))
        listing = asyncio.create_task(asked.of(DOMAIN))
        await store.is_listed.wait()
        await editing.add(store, DOMAIN, entry("ann@sink.example"))
        store.may_go_on.set()
        assert ANN in await listing
        assert ANN in await asked.of(DOMAIN)

    asyncio.run(act())


def test_another_domain_and_another_store_hear_nothing_of_it() -> None:
    async def act() -> None:
        here, there = Process(), Process()
        assert not await there.knows(ANN)
        await editing.add(here.store, DOMAIN, entry("ann@sink.example"))
        assert not await there.knows(ANN)
        assert ANN not in await here.asked.of("other.example")

    asyncio.run(act())


def test_what_others_add_counts_after_ten_seconds_also_if_the_clock_was_set_back() -> None:
    async def act() -> None:
        for back_s in (0.0, LATER_S):
            here = Process()
            assert not await here.knows(ANN)
            await editing.add(here.store.inner, DOMAIN, entry("ann@sink.example"))
            here.now += REMEMBER_S - back_s
            assert await here.knows(ANN)

    asyncio.run(act())


def test_what_was_added_long_ago_is_remembered_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    added = lately.Lately()
    added.add(DOMAIN, ANN)
    monkeypatch.setattr(lately, "KEPT_S", 0.0)
    added.add(DOMAIN, BEN)
    assert ANN not in added.added(DOMAIN)


def test_a_new_process_sees_what_is_stored_alone() -> None:
    here = Suppressed()
    here.add("ann@sink.example")
    assert here.knows("ann@sink.example")
    here.remove("ann@sink.example")
    assert not here.knows("ann@sink.example")
