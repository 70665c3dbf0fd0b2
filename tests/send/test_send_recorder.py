"""Outcomes become durable as they come."""

import asyncio

import pytest
from jumping_loop import Clock, run
from send_parts import BATCH, header, outcome

from functions.send.journal import JournalTurns
from functions.send.lease import Lease
from functions.send.recorder import MOST_UNJOURNALED, PAUSE_S, Recorder
from shared import keys
from shared.batches import outcome_parts, read_outcomes
from shared.errors import AlreadyExists, Busy, StoreRefused, StoreUnavailable
from shared.outcome import encode_lines
from shared.store.memory import MemoryStore
from shared.watch import Watch

LEASE = keys.lease(BATCH, 7, 0)


class Moody(MemoryStore):
    """Says to a create what is next in `moods`, until there are none left."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.moods: list[str] = []

    async def create(self, key: str, body: bytes) -> str:
        mood = self.moods.pop(0) if self.moods and key != LEASE else ""
        if mood == "away":
            raise StoreUnavailable(mood)
        if mood == "refuses":
            raise StoreRefused(mood)
        etag = await super().create(key, body)
        if mood == "loses the answer":
            raise StoreUnavailable(mood)
        return etag


class Desk:
    """A recorder, its lease, and what they wrote."""

    def __init__(self, clock: Clock, next_part: int = 0) -> None:
        self.store = Moody(clock)
        self.watch = Watch()
        self.lease = Lease(self.store, clock, LEASE, "mine", 60.0)
        self.next_part = next_part

    async def __aenter__(self) -> "Desk":
        await self.lease.take()
        self.recorder = Recorder(
            self.store, self.watch, self.lease, header(), self.next_part, flush_every=10
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.lease.stop()

    def add(self, first: int, last: int) -> None:
        for n in range(first, last):
            self.recorder.add(outcome(n))

    async def parts(self) -> list[int]:
        """How many Outcomes there are in each part."""
        written = await outcome_parts(self.store, keys.outcomes(BATCH))
        return [len(await read_outcomes(self.store, [key])) for key in written]

    async def recorded(self) -> list[str]:
        written = await outcome_parts(self.store, keys.outcomes(BATCH))
        return [each.delivery for each in await read_outcomes(self.store, written)]


def test_a_full_part_is_written_at_once() -> None:
    async def story(clock: Clock) -> None:
        async with Desk(clock) as desk:
            desk.add(0, 10)
            await asyncio.sleep(0.01)
            assert await desk.parts() == [10]
            await desk.recorder.finish()

    run(story)


def test_a_part_that_is_not_full_is_written_after_a_second() -> None:
    async def story(clock: Clock) -> None:
        async with Desk(clock) as desk:
            desk.add(0, 3)
            await asyncio.sleep(0.9)
            assert await desk.parts() == []
            await asyncio.sleep(0.2)
            assert await desk.parts() == [3]
            desk.add(3, 5)
            await asyncio.sleep(1.1)
            assert await desk.parts() == [3, 2]
            await desk.recorder.finish()

    run(story)


def test_what_comes_at_once_goes_into_one_part() -> None:
    async def story(clock: Clock) -> None:
        async with Desk(clock) as desk:
            desk.add(0, 25)
            await desk.recorder.finish()
            assert sum(await desk.parts()) == 25
            assert len(await desk.parts()) <= 3

    run(story)


def test_finish_returns_when_everything_is_durable() -> None:
    async def story(clock: Clock) -> None:
        async with Desk(clock) as desk:
            desk.add(0, 4)
            await desk.recorder.finish()
            assert await desk.parts() == [4]
            assert clock() < 1.0

    run(story)


def test_nothing_is_written_when_there_is_nothing_to_say() -> None:
    async def story(clock: Clock) -> None:
        async with Desk(clock) as desk:
            await asyncio.sleep(5)
            await desk.recorder.finish()
            assert await desk.parts() == []

    run(story)


def test_parts_go_on_from_those_that_are_there() -> None:
    async def story(clock: Clock) -> None:
        async with Desk(clock, next_part=3) as desk:
            desk.add(0, 1)
            await desk.recorder.finish()
            (key,) = await outcome_parts(desk.store, keys.outcomes(BATCH))
            assert keys.parse_outcome_part(key) == (7, 0, 3)

    run(story)


def test_who_waits_for_the_batch_is_told_after_each_part() -> None:
    async def story(clock: Clock) -> None:
        async with Desk(clock) as desk:
            ear = desk.watch.listen(BATCH)
            desk.add(0, 10)
            await ear.wait(1000)
            assert await desk.parts() == [10]
            assert clock() < 1
            await desk.recorder.finish()

    run(story)


def test_a_store_that_is_away_loses_nothing_and_doubles_nothing() -> None:
    async def story(clock: Clock) -> None:
        async with Desk(clock) as desk:
            desk.store.moods = ["away"] * 500  # for longer than the lease holds by itself
            desk.add(0, 15)
            await asyncio.sleep(500 * PAUSE_S / 2)
            desk.add(15, 30)
            await desk.recorder.finish()
            assert sorted(await desk.recorded()) == sorted(desk.recorder.outcomes)
            assert len(desk.recorder.outcomes) == 30

    run(story)


def test_a_write_whose_answer_was_lost_is_not_written_twice() -> None:
    async def story(clock: Clock) -> None:
        async with Desk(clock) as desk:
            desk.store.moods = ["loses the answer"]
            desk.add(0, 10)
            await asyncio.sleep(0.01)
            desk.add(10, 12)
            await desk.recorder.finish()
            assert await desk.parts() == [10, 2]
            assert desk.lease.holds()

    run(story)


def test_a_part_written_by_another_ends_our_lease() -> None:
    async def story(clock: Clock) -> None:
        async with Desk(clock) as desk:
            theirs = encode_lines([outcome(99)])
            await desk.store.create(keys.outcome_part(BATCH, 7, 0, 0), theirs)
            desk.add(0, 10)
            with pytest.raises(Busy):
                await desk.recorder.finish()
            assert desk.lease.lost
            assert await desk.parts() == [1]

    run(story)


def test_without_the_lease_nothing_is_written() -> None:
    async def story(clock: Clock) -> None:
        async with Desk(clock) as desk:
            desk.lease.give_up()
            desk.add(0, 10)
            with pytest.raises(Busy):
                await desk.recorder.finish()
            assert await desk.parts() == []

    run(story)


def test_a_store_that_refuses_ends_our_lease_and_finish_says_so() -> None:
    async def story(clock: Clock) -> None:
        async with Desk(clock) as desk:
            desk.store.moods = ["refuses"]
            desk.add(0, 10)
            with pytest.raises(StoreRefused):
                await desk.recorder.finish()
            assert desk.lease.lost

    run(story)


def test_abandoning_writes_what_is_known_if_the_store_takes_it() -> None:
    async def story(clock: Clock) -> None:
        async with Desk(clock) as desk:
            desk.add(0, 3)
            await desk.recorder.abandon()
            assert await desk.parts() == [3]

    run(story)


def test_abandoning_does_not_wait_for_a_store_that_is_away() -> None:
    async def story(clock: Clock) -> None:
        async with Desk(clock) as desk:
            desk.store.moods = ["away"] * 1000
            desk.add(0, 10)
            await asyncio.sleep(0.1)
            began = clock()
            await desk.recorder.abandon()
            assert clock() == began
            assert await desk.parts() == []

    run(story)


def test_the_store_of_these_tests_creates_once() -> None:
    async def story(clock: Clock) -> None:
        store = Moody(clock)
        store.moods = ["loses the answer"]
        with pytest.raises(StoreUnavailable):
            await store.create("a", b"")
        with pytest.raises(AlreadyExists):
            await store.create("a", b"")

    run(story)


def test_what_the_journal_did_not_take_counts_as_unwritten() -> None:
    """Or a store that is away for a moment would let more mail out than a crash may repeat."""

    class Away(MemoryStore):
        async def replace(self, key: str, body: bytes, etag: str) -> str:
            raise StoreUnavailable("away")

    async def story() -> None:
        store = Away(lambda: 0.0)
        lease = Lease(store, lambda: 0.0, LEASE, "mine", 60.0)
        await lease.take()
        turns = JournalTurns()
        recorder = Recorder(store, Watch(), lease, header(), 0, 1000, 60.0, None, turns)
        for n in range(MOST_UNJOURNALED):
            recorder.add(outcome(n))
        assert recorder._journaling is not None
        await recorder._journaling
        assert not recorder.keeps_up
        await lease.stop()

    asyncio.run(story())
