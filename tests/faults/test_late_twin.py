"""The late twin (design.md §3, rule 2): a slow run does its write when others have long gone on.

Its create-only put then succeeds, because the next stage has consumed and deleted the object. That
has to be harmless waste: nothing is transmitted twice, and no Outcome changes.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
import pytest
from endings import ROWS, SEVEN, Ending, refuse, see_ending
from lives import LEASE_OVER_S, START, Process, World, dispatched_bag, process, run, world
from station import DOMAIN

from shared.errors import Busy
from shared.store.base import Store
from shared.store.wrap import Wrapper

T = TypeVar("T")

BY_NAME = {row["email"].partition("@")[0]: row for row in ROWS}
ONE_BAG = {**SEVEN, "recipients": [BY_NAME[name] for name in ("ann", "gone", "grey")]}


class SlowStore(Wrapper):
    """Holds its first call of this operation on such a key until it is let go."""

    def __init__(self, inner: Store, op: str, key: str) -> None:
        super().__init__(inner)
        self._op = op
        self._key = re.compile(key)
        self._let_go = asyncio.Event()
        self.held = asyncio.Event()

    async def _pass_on(self, op: str, key: str, call: Callable[[], Awaitable[T]]) -> T:
        if op == self._op and self._key.match(key) and not self.held.is_set():
            self.held.set()
            await self._let_go.wait()
        return await call()

    def let_go(self) -> None:
        self._let_go.set()


async def upload(here: World, batch: Any) -> None:
    await here.put({f"inbox/{DOMAIN}/batch.json": msgspec.json.encode(batch)})


async def all_of_it(alive: Process) -> None:
    """Two attempts."""
    await alive.settle()
    alive.world.at(500)
    await alive.settle()


async def ending_with_a_twin(op: str, key: str) -> Ending:
    slow_stores: list[SlowStore] = []

    def between(store: Store) -> Store:
        slow_stores.append(SlowStore(store, op, key))
        return slow_stores[0]

    async with (
        world(refuse) as here,
        process(here, between=between, owner="slow") as slow,
        process(here, owner="quick") as quick,
    ):
        await upload(here, ONE_BAG)
        slow_run = asyncio.create_task(all_of_it(slow))
        await slow_stores[0].held.wait()
        here.now += LEASE_OVER_S
        await all_of_it(quick)
        done = await see_received_and_outcomes(here)
        slow_stores[0].let_go()
        await slow_run
        here.at(2000)
        await quick.settle()
        assert await see_received_and_outcomes(here) == done, "the twin has changed nothing"
        return await see_ending(here)


async def see_received_and_outcomes(here: World) -> object:
    return here.received(), await here.outcomes()


async def quiet_ending() -> Ending:
    async with world(refuse) as here, process(here) as alive:
        await upload(here, ONE_BAG)
        await all_of_it(alive)
        return await see_ending(here)


@pytest.mark.parametrize(
    ("op", "key"),
    [
        ("create", "submitted/"),
        ("delete", "inbox/"),
        ("create", "batches/.*/content.json"),
        ("create", "validated/"),
        ("delete", "submitted/"),
        ("create", "dispatched/"),
        ("delete", "validated/"),
        ("create", "waiting/"),
        ("delete", "leases/"),
        ("create", r"dispatched/.*\.001\.jsonl"),
        ("delete", "waiting/"),
    ],
)
def test_what_a_slow_run_writes_when_all_is_done_changes_nothing(op: str, key: str) -> None:
    ending = run(ending_with_a_twin(op, key))
    assert ending == run(quiet_ending())
    assert set(ending.received.values()) == {1}


def test_a_call_repeated_with_its_key_when_the_batch_has_moved_on_finds_its_record() -> None:
    async def story() -> None:
        async with world() as here, process(here) as alive:
            calls = [lambda: alive.call("POST", "/v1/batches", ONE_BAG, idempotency_key="k1")] * 3
            answers = [await calls[0]()]
            await alive.settle()
            answers.append(await calls[1]())
            here.at(3600)
            answers.append(await calls[2]())
            await alive.settle()
            assert [answer.status for answer in answers] == [202] * 3
            assert answers[0].json == answers[1].json == answers[2].json
            assert await here.open_work() == []
            assert set(here.received().values()) == {1}

    run(story())


def test_a_call_that_is_slow_while_its_repeat_goes_all_the_way_sends_nothing_twice() -> None:
    async def story() -> None:
        slow_stores: list[SlowStore] = []

        def between(store: Store) -> Store:
            slow_stores.append(SlowStore(store, "create", "submitted/"))
            return slow_stores[0]

        async with (
            world() as here,
            process(here, between=between) as slow,
            process(here) as quick,
        ):
            call = ("POST", "/v1/batches", ONE_BAG)
            first = asyncio.create_task(slow.call(*call, idempotency_key="k1"))
            await slow_stores[0].held.wait()
            second = await quick.call(*call, idempotency_key="k1")
            await quick.settle()
            slow_stores[0].let_go()
            assert (await first).json == second.json
            await slow.settle()
            assert await here.open_work() == []
            assert set(here.received().values()) == {1}

    run(story())


def test_a_sender_that_lost_its_lease_stops_and_overwrites_no_outcome() -> None:
    async def story() -> None:
        slow_stores: list[SlowStore] = []
        worlds: list[World] = []
        frozen = asyncio.Event()

        def between(store: Store) -> Store:
            slow_stores.append(SlowStore(store, "create", "batches/.*/outcomes/"))
            return slow_stores[0]

        def freeze(recipient: str, now: float) -> None:
            if recipient == "r06@sink.example" and now == START:
                worlds[0].now += LEASE_OVER_S  # the slow one is frozen for so long
                frozen.set()

        async with world(freeze) as here:
            worlds.append(here)
            bag = await dispatched_bag(here)
            async with (
                process(here, between=between, owner="slow") as slow,
                process(here, owner="quick") as quick,
            ):
                slow_run = asyncio.create_task(slow.do(bag))
                await slow_stores[0].held.wait()
                await frozen.wait()
                await quick.do(bag)
                before = await here.outcomes()
                slow_stores[0].let_go()
                with pytest.raises(Busy):
                    await slow_run
            assert await here.outcomes() == before
            assert {line.at for line in before} == {here.now}, "all by the one with the lease"
            assert len(before) == len({line.delivery for line in before}) == 12
            by_slow = here.received().total() - 12
            assert 6 < by_slow <= 6 + 2 * 2, "it stopped after what was on its two connections"
            assert await here.open_work() == []

    run(story())


def test_outcomes_of_a_sender_that_just_lost_its_lease_are_not_contradicted() -> None:
    """Its put was under way when the lease ended, and arrives behind the other's look."""

    async def story() -> None:
        late_stores: list[SlowStore] = []
        look_stores: list[SlowStore] = []

        def writes_late(store: Store) -> Store:
            late_stores.append(SlowStore(store, "create", "batches/.*/outcomes/"))
            return late_stores[0]

        def transmits_late(store: Store) -> Store:
            look_stores.append(SlowStore(store, "get", "batches/.*/cancelled"))
            return look_stores[0]

        async with world() as here:
            bag = await dispatched_bag(here)
            async with (
                process(here, between=writes_late, owner="slow") as slow,
                process(here, between=transmits_late, owner="quick") as quick,
            ):
                slow_run = asyncio.create_task(slow.do(bag))
                await late_stores[0].held.wait()
                here.now += LEASE_OVER_S
                quick_run = asyncio.create_task(quick.do(bag))
                await look_stores[0].held.wait()
                late_stores[0].let_go()
                with pytest.raises(Busy):
                    await slow_run
                look_stores[0].let_go()
                with pytest.raises(Busy):
                    await quick_run
                here.now += LEASE_OVER_S
                await quick.do(bag)
            lines = await here.outcomes()
            assert len(lines) == len({line.delivery for line in lines}) == 12
            assert min(here.received().values()) == 1
            assert await here.open_work() == []

    run(story())
