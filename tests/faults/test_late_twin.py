"""The late twin (design.md §3, rule 2): a slow run does its write when others have long gone on.

Its create-only put then succeeds, because the next stage has consumed and deleted the object. That
has to be harmless waste: nothing is transmitted twice, and no Outcome changes.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
import pytest
from endings import ROWS, SEVEN, Ending, refuse, see_ending
from lives import LEASE_OVER_S, Process, World, process, run, world
from station import DOMAIN

from shared import keys
from shared.errors import Busy
from shared.stage import Wake
from shared.stage import run as run_stage
from shared.store.base import Store
from shared.store.wrap import Wrapper

T = TypeVar("T")

BY_NAME = {row["email"].partition("@")[0]: row for row in ROWS}
ONE_BAG = {**SEVEN, "recipients": [BY_NAME[name] for name in ("ann", "gone", "grey")]}
TWELVE: dict[str, Any] = {
    **SEVEN,
    "recipients": [
        {"email": f"r{n:02d}@sink.example", "fields": {"name": str(n)}} for n in range(12)
    ],
}


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
        ("create", r"dispatched/.*\.01\.jsonl"),
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


async def dispatched_bag(here: World) -> Wake:
    """Twelve mails in one Bag, rendered, not sent."""
    async with process(here, bag_size=12) as first:
        answer = await first.call("POST", "/v1/batches", TWELVE)
        assert answer.status == 202
        for prefix, stage in ((keys.SUBMITTED, "validate"), (keys.VALIDATED, "dispatch")):
            (key,) = await here.keys(prefix)
            await run_stage(first.stages[stage], here.store, here.clock, Wake(key))
    (key,) = await here.keys(keys.DISPATCHED)
    return Wake(key)


async def send(alive: Process, bag: Wake) -> None:
    await run_stage(alive.stages["send"], alive.through, alive.world.clock, bag)


def test_a_sender_that_freezes_for_longer_than_its_lease_stops_and_another_goes_on() -> None:
    frozen_at = "r06@sink.example"

    async def story() -> None:
        worlds: list[World] = []

        def freeze(recipient: str, now: float) -> None:
            if recipient == frozen_at and len(worlds) == 1:
                worlds.append(worlds[0])
                worlds[0].now += LEASE_OVER_S

        async with world(freeze) as here:
            worlds.append(here)
            bag = await dispatched_bag(here)
            async with process(here, owner="slow") as slow:
                with pytest.raises(Busy):
                    await send(slow, bag)
                by_slow = here.received()
                recorded = {line.recipient for line in await here.outcomes()}
                async with process(here, owner="quick") as quick:
                    await send(quick, bag)
            assert 6 < len(by_slow) < 12, "it stopped after what was in flight"
            assert recorded <= {recipient for recipient, _ in by_slow}
            for (recipient, _), times in here.received().items():
                assert times == 1 or recipient not in recorded
            assert await here.open_work() == []
            assert Counter(line.outcome for line in await here.outcomes()) == {"delivered": 12}

    run(story())


def test_a_sender_that_lost_its_lease_overwrites_no_outcome() -> None:
    async def story() -> None:
        slow_stores: list[SlowStore] = []

        def between(store: Store) -> Store:
            slow_stores.append(SlowStore(store, "create", "batches/.*/outcomes/"))
            return slow_stores[0]

        async with world() as here:
            bag = await dispatched_bag(here)
            async with (
                process(here, between=between, owner="slow") as slow,
                process(here, owner="quick") as quick,
            ):
                slow_run = asyncio.create_task(send(slow, bag))
                await slow_stores[0].held.wait()
                here.now += LEASE_OVER_S
                await send(quick, bag)
                before = await here.outcomes()
                slow_stores[0].let_go()
                with pytest.raises(Busy):
                    await slow_run
                assert await here.outcomes() == before
                assert {line.at for line in before} == {here.now}, "all by the one with the lease"
            assert await here.open_work() == []
            assert len(before) == 12
            assert len({line.delivery for line in before}) == 12

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
                slow_run = asyncio.create_task(send(slow, bag))
                await late_stores[0].held.wait()
                here.now += LEASE_OVER_S
                quick_run = asyncio.create_task(send(quick, bag))
                await look_stores[0].held.wait()
                late_stores[0].let_go()
                with pytest.raises(Busy):
                    await slow_run
                look_stores[0].let_go()
                with pytest.raises(Busy):
                    await quick_run
                here.now += LEASE_OVER_S
                await send(quick, bag)
            lines = await here.outcomes()
            assert len(lines) == len({line.delivery for line in lines}) == 12
            assert min(here.received().values()) == 1
            assert await here.open_work() == []

    run(story())
