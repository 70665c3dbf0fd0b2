"""When a sweep counts: whenever `stats.interval` has gone by, in whichever process.

A sweep comes more often than that, and there may be many: who counts next is in the index. A
process asks for it when it may be time by what it knows itself.
"""

import logging
from typing import TYPE_CHECKING

from shared.stage import Clock
from shared.store.base import Store

if TYPE_CHECKING:
    from shared.stats.compact import Compaction

EARLY = 0.9
"""Of the interval: a timer that comes once in each must not be sent away for a moment's sake."""

log = logging.getLogger("ekiden.stats")


class StatsTurns:
    """Runs a round of the compaction when it is time."""

    def __init__(self, store: Store, clock: Clock, interval_s: float) -> None:
        self._given = (store, clock, interval_s)
        self._clock = clock
        self._interval_s = interval_s
        self._next = 0.0
        self._compaction: Compaction | None = None

    async def run_if_due(self) -> None:
        """Raises `Temporary`."""
        now = self._clock()
        if 0 < self._next - now <= self._interval_s:  # more: the clock was ahead then
            return
        if self._compaction is None:
            from shared.stats.compact import Compaction

            self._compaction = Compaction(*self._given)
        self._next = now + self._interval_s * EARLY
        done = await self._compaction.round()
        if done.behind:
            self._next = now
        if done.batches or done.outcomes or done.events:
            log.info(
                "counted %d Batches, %d Outcomes, %d events objects",
                done.batches,
                done.outcomes,
                done.events,
            )
