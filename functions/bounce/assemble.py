"""bounce, put together from the configuration."""

import time

from functions.bounce import stage as bounce
from shared import archive
from shared.config import Config
from shared.domains import Directory
from shared.inbound_addresses import InboundAddresses
from shared.return_paths import ReturnPaths
from shared.stage import Clock, Stage
from shared.store.base import Store


def stage(config: Config, store: Store, clock: Clock = time.time) -> Stage:
    directory = Directory(store, clock)
    return_paths = ReturnPaths(store, directory)
    feedback_addresses = config.inbound.feedback_addresses
    stage = bounce.stage(store, clock, return_paths, directory, feedback_addresses)
    return archive.keeping(stage, store) if config.archive.inbound else stage


def addresses(config: Config, store: Store, clock: Clock = time.time) -> InboundAddresses:
    """Who port 25 takes mail for."""
    directory = Directory(store, clock)
    return_paths = ReturnPaths(store, directory)
    return InboundAddresses(store, directory, return_paths, config.inbound.feedback_addresses)
