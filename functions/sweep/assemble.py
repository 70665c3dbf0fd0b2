"""The sweep, put together from the configuration."""

import time

from functions.sweep.sweeping import Sweeping
from functions.sweep.waking import Waking
from shared.config import Config
from shared.domain_retention.turns import RetentionTurns
from shared.stage import Clock
from shared.stats.turns import StatsTurns
from shared.store.base import Store
from shared.suppressions.turns import Turns


def sweeping(config: Config, store: Store, clock: Clock = time.time) -> Sweeping:
    targets = dict(each.split("=", 1) for each in config.sweep.targets)
    waking = Waking(store, targets, config.events.token)
    own = config.sweep
    turns = (
        Turns(store, clock),
        StatsTurns(store, clock, config.stats.interval),
        RetentionTurns(store, clock),  # behind the counting: what is counted may go
    )
    return Sweeping(store, clock, waking, own.forgotten_after, own.max_redrives, turns)
