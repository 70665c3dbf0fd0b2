"""When a sweep forgets what Domains keep no longer: daily, and on until the day's work is done.

Whose turn it is stands in the bucket. A process asks for it when it may be time by what it knows.
"""

from shared.domain_retention.wanted import DAY_S
from shared.stage import Clock
from shared.store.base import Store

AGAIN_S = 60.0
"""After a turn that failed."""
LONGEST_S = 2 * DAY_S
"""Between two turns."""


class RetentionTurns:
    """Takes a turn when it is time."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._next = 0.0

    async def run_if_due(self) -> None:
        """Raises `Temporary`."""
        now = self._clock()
        if 0 < self._next - now <= LONGEST_S:  # more: the clock was ahead then
            return
        from shared.domain_retention.rounds import turn

        self._next = now + AGAIN_S
        self._next = await turn(self._store, now)
