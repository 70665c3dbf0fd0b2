"""What is past its time goes, once a day, where the store has no rules of its own.

A bucket has them (`ekiden bucket init`, Terraform); a SQLite file has not.
"""

import logging

from shared.config import Config
from shared.layout import DAY_S, EXPIRES_AFTER_S
from shared.retention import expire
from shared.stage import Clock
from shared.store.base import Store

log = logging.getLogger("ekiden.expiry")

IN_ORDER = ("batches/", "audit/")
"""Their keys begin with a time: looking ends at the first that stays."""


class Expiry:
    """Runs when it is due."""

    def __init__(self, config: Config, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._is_ours = not config.store.url.startswith("s3:")
        own = {"audit/": config.audit.retention, "events/": config.stats.retention}
        self._ages_s = EXPIRES_AFTER_S | own
        self._next_at = 0.0

    async def run_if_due(self) -> None:
        """Raises `Temporary`; what is deleted by then is gone, and the rest goes the next time."""
        now = self._clock()
        if not self._is_ours or 0 < self._next_at - now <= DAY_S:  # more: the clock was ahead
            return
        for prefix, age_s in self._ages_s.items():
            in_order = prefix in IN_ORDER
            gone = await expire(self._store, prefix, now - age_s, oldest_first=in_order)
            if gone:
                log.info("%d objects below %s were past their time", gone, prefix)
        self._next_at = now + DAY_S
