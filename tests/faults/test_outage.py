"""The store goes away, or loses answers, while a Bag is sent. Nothing is sent twice for it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from lives import LEASE_OVER_S, Process, ScriptedStore, World, dispatched_bag, process, run, world

from functions.send import recorder
from shared import keys
from shared.errors import Busy, StoreRefused, StoreUnavailable

Call = Callable[[], Awaitable[Any]]
DELIVERED = {"delivered": 12}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "PAUSE_S", 0.01)


async def check_all_sent_once(here: World) -> None:
    lines = await here.outcomes()
    assert Counter(line.outcome for line in lines) == DELIVERED
    assert len({line.delivery for line in lines}) == 12
    assert set(here.received().values()) == {1}
    assert len(here.received()) == 12
    assert await here.open_work() == []


def test_a_lease_that_ends_before_all_is_sent_leaves_no_delivery_out() -> None:
    """Nobody takes it: the holder stops transmitting, renews it when it records, and goes on."""

    async def story() -> None:
        worlds: list[World] = []

        def freeze(recipient: str, now: float) -> None:
            if recipient == "r06@sink.example":
                worlds[0].now += LEASE_OVER_S

        async with world(freeze) as here, process(here) as alive:
            worlds.append(here)
            bag = await dispatched_bag(here)
            await alive.do(bag)
            await check_all_sent_once(here)

    run(story())


def test_a_sender_that_froze_before_its_first_mail_leaves_none_out() -> None:
    async def story() -> None:
        worlds: list[World] = []

        async def freeze(op: str, key: str, call: Call) -> Any:
            if op == "list_page" and "/outcomes/" in key and worlds:
                worlds.pop().now += LEASE_OVER_S
            return await call()

        async with world() as here:
            worlds.append(here)
            bag = await dispatched_bag(here)
            async with process(here, between=lambda store: ScriptedStore(store, freeze)) as alive:
                with pytest.raises(Busy, match="the rest"):
                    await alive.do(bag)
                assert here.sink.accepted == 0
                here.now += LEASE_OVER_S
                await alive.do(bag)
            await check_all_sent_once(here)

    run(story())


def test_mail_that_is_not_recorded_does_not_pile_up_while_the_store_is_away() -> None:
    async def story() -> None:
        worlds: list[World] = []
        accepted: list[int] = []

        async def away(op: str, key: str, call: Call) -> Any:
            if op == "create" and "/outcomes/" in key and len(accepted) < 20:
                accepted.append(worlds[0].sink.accepted)
                raise StoreUnavailable(f"away: {op} {key}")
            return await call()

        async with world() as here:
            worlds.append(here)
            bag = await dispatched_bag(here)
            async with process(
                here, between=lambda store: ScriptedStore(store, away), flush_outcomes=1
            ) as alive:
                await alive.do(bag)
            assert max(accepted) <= 3 + 2 * 2, "three parts, and two mails on each connection"
            await check_all_sent_once(here)

    run(story())


def test_outcomes_are_kept_while_the_store_is_away_for_longer_than_the_lease() -> None:
    async def story() -> None:
        worlds: list[World] = []
        refused = 0

        async def away(op: str, key: str, call: Call) -> Any:
            nonlocal refused
            if worlds[0].sink.accepted >= 3 and refused < 10:
                refused += 1
                worlds[0].now += LEASE_OVER_S
                raise StoreUnavailable(f"away: {op} {key}")
            return await call()

        async with world() as here:
            worlds.append(here)
            bag = await dispatched_bag(here)
            async with process(here, between=lambda store: ScriptedStore(store, away)) as alive:
                await alive.do(bag)
                assert refused == 10
            await check_all_sent_once(here)

    run(story())


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_the_lost_answer_of_a_recorded_part_repeats_nothing(lost: int) -> None:
    """More Outcomes come in before it is tried again: they belong to the next part."""

    async def story() -> None:
        tries: Counter[str] = Counter()

        async def lose_answers(op: str, key: str, call: Call) -> Any:
            done = await call()
            if op == "create" and "/outcomes/" in key:
                tries[key] += 1
                if len(tries) <= lost:
                    raise StoreUnavailable(f"no answer: {op} {key}")
            return done

        async with world() as here:
            bag = await dispatched_bag(here)
            async with process(
                here, between=lambda store: ScriptedStore(store, lose_answers)
            ) as alive:
                await alive.do(bag)
            await check_all_sent_once(here)

    run(story())


def test_the_lost_answer_of_a_renewal_does_not_lose_the_lease() -> None:
    async def story() -> None:
        renewals = 0
        renewed = asyncio.Event()

        async def lose_an_answer(op: str, key: str, call: Call) -> Any:
            nonlocal renewals
            if op == "create" and "/outcomes/" in key:
                await renewed.wait()  # the Bag takes long
            if op == "replace":
                renewals += 1
                if renewals == 2:
                    renewed.set()
            done = await call()
            if op == "replace" and renewals == 1:
                raise StoreUnavailable(f"no answer: {op} {key}")
            return done

        async with world() as here:
            bag = await dispatched_bag(here)
            async with process(
                here, between=lambda store: ScriptedStore(store, lose_an_answer), lease_s=0.03
            ) as alive:
                await alive.do(bag)
            await check_all_sent_once(here)

    run(story())


def test_what_cannot_be_recorded_is_not_transmitted() -> None:
    async def story() -> None:
        async def refuse_outcomes(op: str, key: str, call: Call) -> Any:
            if op == "create" and "/outcomes/" in key:
                raise StoreRefused(f"access denied: {key}")
            return await call()

        async with world() as here:
            bag = await dispatched_bag(here)
            async with process(
                here, between=lambda store: ScriptedStore(store, refuse_outcomes)
            ) as alive:
                await alive.do(bag)
            assert here.sink.accepted <= 2 + 2 * 2, "it stopped after what was in flight"
            assert await here.keys(keys.FAILED) == [keys.failed("send", bag.key)]

    run(story())


def test_a_sender_that_is_told_to_stop_records_what_it_knows() -> None:
    async def story() -> None:
        sending: list[asyncio.Task[Any]] = []

        def stop(recipient: str, now: float) -> None:
            if recipient == "r06@sink.example" and sending:
                sending.pop().cancel()

        async with world(stop) as here:
            bag = await dispatched_bag(here)
            async with process(here, flush_outcomes=1000) as first:
                task = asyncio.create_task(_do(first, bag))
                sending.append(task)
                await asyncio.wait([task])
            assert task.cancelled()
            known = {line.recipient for line in await here.outcomes()}
            assert known >= {f"r0{n}@sink.example" for n in range(5)}
            assert await here.keys(keys.LEASES) == [], "the next one need not wait"
            async with process(here) as second:
                await second.settle()
                here.at(500)
                await second.settle()
            repeated = {mail[0] for mail, times in here.received().items() if times > 1}
            assert repeated <= {"r05@sink.example", "r06@sink.example"}, "what was in flight"
            assert len(here.received()) == 12

    run(story())


async def _do(alive: Process, bag: Any) -> None:
    await alive.do(bag)
