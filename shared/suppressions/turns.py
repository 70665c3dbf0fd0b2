"""When a sweep compacts: once an hour. A process that has just begun cannot know when that was last
done, and waits for the next full turn, unless this one is young: a function that is started for
each sweep has its turn, too."""

import logging

from shared.stage import Clock
from shared.store.base import Store

EVERY_S = 3600.0
YOUNG_S = 300.0
_OFFSET_S = 1800.0
"""At half past: the full hour is when everybody else does something."""

log = logging.getLogger("ekiden.suppressions")


class Turns:
    """Compacts all Domains' suppressions, when it is time."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._last: float | None = None

    async def run_if_due(self) -> None:
        """Raises `Temporary`."""
        if self._is_due(self._clock()):
            from shared.suppressions.compact import compact_all

            folded = await compact_all(self._store, self._clock)
            if folded:
                log.info("%d suppressions were folded into segments", folded)

    def _is_due(self, now: float) -> bool:
        turn, age_s = divmod(now + _OFFSET_S, EVERY_S)
        # Not `>`: a clock that was ahead once must not stop it until then.
        due = age_s < YOUNG_S if self._last is None else turn != self._last
        self._last = turn
        return due
