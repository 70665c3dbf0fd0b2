"""A clock that runs ahead for a moment, or goes back, does not stop the counting."""

import asyncio
from random import Random

import pytest
from mail_history import DAY_S, START, History, history, published, recount

from shared.stats.compact import Compaction
from shared.stats.turns import StatsTurns
from shared.store.base import Store
from shared.store.memory import MemoryStore

STEP_S = 300.0
INTERVAL_S = 60.0
YEAR_S = 365 * DAY_S


class Clock:
    """Right but for some steps."""

    def __init__(self, offset_s: float, wrong: range) -> None:
        self.steps = 0
        self._offset_s, self._wrong = offset_s, wrong

    @property
    def right(self) -> float:
        return START + self.steps * STEP_S

    def __call__(self) -> float:
        return self.right + (self._offset_s if self.steps in self._wrong else 0.0)


async def live(store: Store, story: History, clock: Clock, compaction: Compaction) -> None:
    """To the end of the story and a week more; a round in each step."""
    end = story.end + 7 * DAY_S
    while clock.right < end:
        clock.steps += 1
        await story.put_until(store, clock.right)
        await compaction.round()


@pytest.mark.parametrize("offset_s", [YEAR_S, DAY_S, 3600.0, -3600.0, -5 * DAY_S])
@pytest.mark.parametrize("steps", [1, 20])
def test_who_counted_with_a_wrong_clock_spoils_nothing(offset_s: float, steps: int) -> None:
    async def story() -> None:
        clock = Clock(offset_s, range(100, 100 + steps))
        store = MemoryStore(clock)
        mail = history(Random(7), batches=30, span_s=DAY_S, calm=True)
        await live(store, mail, clock, Compaction(store, clock, INTERVAL_S))
        assert await published(store) == await recount(store)

    asyncio.run(story())


def test_a_process_whose_clock_was_ahead_counts_again_when_it_is_right() -> None:
    async def story() -> None:
        clock = Clock(YEAR_S, range(1, 2))
        store = MemoryStore(clock)
        turns = StatsTurns(store, clock, INTERVAL_S)
        clock.steps = 1
        await turns.run_if_due()
        mail = history(Random(7), batches=5, span_s=STEP_S, calm=True)
        await mail.put_until(store, START + 8 * DAY_S)
        clock.steps = 2016
        await turns.run_if_due()
        assert await published(store) == await recount(store) != {}

    asyncio.run(story())
