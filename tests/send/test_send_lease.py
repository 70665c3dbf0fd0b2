"""The lease on a Bag: one holder at a time, and whoever is late stops by itself."""

import asyncio

import pytest
from jumping_loop import Clock, run

from functions.send.lease import SKEW_S, Lease
from shared.errors import Busy, StoreUnavailable
from shared.store.memory import MemoryStore

KEY = "leases/send/batch/0000.000"
DURATION_S = 60.0


def lease(store: MemoryStore, clock: Clock, owner: str) -> Lease:
    return Lease(store, clock, KEY, owner, DURATION_S)


class Away(MemoryStore):
    """A store that can be away, and that can lose an answer."""

    away = False
    loses_answers = False

    async def replace(self, key: str, body: bytes, etag: str) -> str:
        if self.away:
            raise StoreUnavailable("away")
        new = await super().replace(key, body, etag)
        if self.loses_answers:
            raise StoreUnavailable("answer lost")
        return new


def test_a_free_lease_is_taken_and_given_back() -> None:
    async def story(clock: Clock) -> None:
        store = MemoryStore(clock)
        mine = lease(store, clock, "mine")
        await mine.take()
        assert mine.holds()
        assert await mine.stop() is True
        await store.delete(KEY)
        await (other := lease(store, clock, "other")).take()
        assert other.holds()
        await other.stop()

    run(story)


def test_a_held_lease_is_busy_and_says_who_has_it() -> None:
    async def story(clock: Clock) -> None:
        store = MemoryStore(clock)
        await (mine := lease(store, clock, "mine")).take()
        other = lease(store, clock, "other")
        with pytest.raises(Busy, match="mine"):
            await other.take()
        assert (mine.holds(), other.holds()) == (True, False)
        await mine.stop()

    run(story)


def test_of_many_who_want_it_at_once_one_gets_it() -> None:
    async def story(clock: Clock) -> None:
        store = MemoryStore(clock)
        all_ = [lease(store, clock, str(n)) for n in range(20)]
        results = await asyncio.gather(*(each.take() for each in all_), return_exceptions=True)
        assert sum(isinstance(result, Busy) for result in results) == 19
        assert sum(each.holds() for each in all_) == 1
        for each in all_:
            await each.stop()

    run(story)


def test_a_lease_renews_itself_for_as_long_as_it_is_held() -> None:
    async def story(clock: Clock) -> None:
        store = MemoryStore(clock)
        await (mine := lease(store, clock, "mine")).take()
        for _ in range(10):
            await asyncio.sleep(DURATION_S)
            assert mine.holds()
            with pytest.raises(Busy):
                await lease(store, clock, "other").take()
        assert await mine.stop() is True

    run(story)


def test_a_stopped_lease_ends() -> None:
    async def story(clock: Clock) -> None:
        store = MemoryStore(clock)
        await (mine := lease(store, clock, "mine")).take()
        await mine.stop()
        await asyncio.sleep(DURATION_S)
        assert not mine.holds()

    run(story)


def test_a_lease_left_behind_is_stolen_when_it_has_ended_and_not_before() -> None:
    async def story(clock: Clock) -> None:
        store = MemoryStore(clock)
        await (dead := lease(store, clock, "dead")).take()
        await dead.stop()
        other = lease(store, clock, "other")
        await asyncio.sleep(DURATION_S + SKEW_S - 0.5)
        assert not dead.holds()
        with pytest.raises(Busy):
            await other.take()
        await asyncio.sleep(1)
        await other.take()
        assert other.holds()
        await other.stop()

    run(story)


def test_of_many_thieves_one_gets_it() -> None:
    async def story(clock: Clock) -> None:
        store = MemoryStore(clock)
        await (dead := lease(store, clock, "dead")).take()
        await dead.stop()
        await asyncio.sleep(DURATION_S + SKEW_S + 1)
        thieves = [lease(store, clock, str(n)) for n in range(20)]
        await asyncio.gather(*(thief.take() for thief in thieves), return_exceptions=True)
        assert sum(thief.holds() for thief in thieves) == 1
        for thief in thieves:
            await thief.stop()

    run(story)


def test_a_holder_that_was_robbed_notices_and_does_not_rob_back() -> None:
    async def story(clock: Clock) -> None:
        store = Away(clock)
        await (slow := lease(store, clock, "slow")).take()
        store.away = True  # its renewals do not get through
        await asyncio.sleep(DURATION_S + SKEW_S + 1)
        assert (slow.holds(), slow.lost) == (False, False)
        store.away = False
        await (thief := lease(store, clock, "thief")).take()
        await asyncio.sleep(DURATION_S)
        assert (slow.lost, slow.holds(), thief.holds()) == (True, False, True)
        assert await slow.stop() is False
        await thief.stop()

    run(story)


def test_two_clocks_may_differ_by_the_skew() -> None:
    async def story(clock: Clock) -> None:
        store = Away(clock)
        await (mine := lease(store, clock, "mine")).take()
        store.away = True
        ahead = lease(store, lambda: clock() + SKEW_S, "ahead")
        while mine.holds():
            with pytest.raises(Busy):
                await ahead.take()
            await asyncio.sleep(0.25)
        await mine.stop()

    run(story)


def test_a_store_that_is_away_for_a_moment_costs_nothing() -> None:
    async def story(clock: Clock) -> None:
        store = Away(clock)
        await (mine := lease(store, clock, "mine")).take()
        store.away = True
        await asyncio.sleep(DURATION_S / 2)
        store.away = False
        await asyncio.sleep(DURATION_S)
        assert mine.holds()
        await mine.stop()

    run(story)


def test_a_renewal_whose_answer_was_lost_is_known_as_our_own() -> None:
    async def story(clock: Clock) -> None:
        store = Away(clock)
        await (mine := lease(store, clock, "mine")).take()
        store.loses_answers = True
        await asyncio.sleep(DURATION_S / 2)
        store.loses_answers = False
        await asyncio.sleep(DURATION_S)
        assert mine.holds()
        await mine.stop()

    run(story)


def test_a_lease_that_has_ended_and_that_nobody_took_can_be_renewed() -> None:
    async def story(clock: Clock) -> None:
        store = Away(clock)
        await (mine := lease(store, clock, "mine")).take()
        store.away = True
        await asyncio.sleep(3 * DURATION_S)
        assert not mine.holds()
        store.away = False
        await mine.renew()
        assert mine.holds()
        await mine.stop()

    run(story)


def test_a_lease_whose_object_is_gone_is_lost() -> None:
    async def story(clock: Clock) -> None:
        store = MemoryStore(clock)
        await (mine := lease(store, clock, "mine")).take()
        await store.delete(KEY)
        await asyncio.sleep(DURATION_S)
        assert mine.lost
        assert await mine.stop() is False

    run(story)


def test_a_lease_that_was_given_up_is_never_held_again() -> None:
    async def story(clock: Clock) -> None:
        store = MemoryStore(clock)
        await (mine := lease(store, clock, "mine")).take()
        mine.give_up()
        assert (mine.holds(), mine.lost, await mine.stop()) == (False, True, False)
        await asyncio.sleep(DURATION_S)
        assert not mine.holds()

    run(story)
