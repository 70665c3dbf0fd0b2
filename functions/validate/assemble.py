"""validate, put together from the configuration."""

import time

from functions.validate import stage as validate
from shared.config import Config
from shared.domains import Directory
from shared.stage import Clock, Stage
from shared.store.base import Store
from shared.suppressions import Suppressions


def stage(config: Config, store: Store, clock: Clock = time.time) -> Stage:
    check = None
    if config.validate.check_mx:
        from functions.validate.mx import mx_check

        check = mx_check(config.send.nameservers)
    suppressions = Suppressions(store, Directory(store, clock))
    keep = config.archive.submitted
    return validate.stage(store, clock, suppressions, config.validate.bag_size, check, keep)
