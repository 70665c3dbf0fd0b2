"""What is done beside the mail, now and then, by every process that sweeps.

Each has a task of its own: no sweep waits for it, and one that fails stops no other. Many at once
do no harm: each looks whether another was quicker.
"""

import asyncio
import logging
import time
from typing import NamedTuple, Protocol

from ekiden.expiry import Expiry
from shared.config import Config
from shared.domain_retention.turns import RetentionTurns
from shared.stats.turns import StatsTurns
from shared.store.base import Store
from shared.suppressions.turns import Turns

log = logging.getLogger("ekiden.upkeep")


class Turn(Protocol):
    """Does its work when it is due."""

    async def run_if_due(self) -> None:
        """Raises `Temporary`."""


class Upkeep(NamedTuple):
    """One of these works."""

    name: str
    every_s: float
    """How often it looks whether it is due."""
    turn: Turn

    async def go_on(self) -> None:
        """For as long as the process lives."""
        while True:
            await asyncio.sleep(self.every_s)
            try:
                await self.turn.run_if_due()
            except Exception:
                log.exception("%s failed, and will be tried again", self.name)


def upkeep(config: Config, store: Store) -> list[Upkeep]:
    """All of it."""
    interval_s = config.sweep.interval
    counted_s = config.stats.interval
    return [
        Upkeep("compacting suppressions", interval_s, Turns(store, time.time)),
        Upkeep("counting", counted_s, StatsTurns(store, time.time, counted_s)),
        Upkeep("forgetting what is old", interval_s, Expiry(config, store, time.time)),
        Upkeep("forgetting for Domains", interval_s, RetentionTurns(store, time.time)),
    ]
