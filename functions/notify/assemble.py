"""notify, put together from the configuration."""

import time

from functions.notify import stage as notify
from functions.notify.endpoint import Endpoints, Manners
from functions.notify.standing import Standing
from shared.config import Config
from shared.dns import MxResolver
from shared.domains import Directory
from shared.http_client import Way
from shared.networks import parse_networks
from shared.stage import Clock, Stage
from shared.store.base import Store
from shared.webhooks import may_call, rules_of


def stage(
    config: Config,
    store: Store,
    directory: Directory | None = None,
    clock: Clock = time.time,
    monotonic: Clock = time.monotonic,
) -> tuple[Stage, Endpoints]:
    """The stage, and the connections that have to be closed at the end. Raises `Misconfigured`."""
    ours, rules = config.webhooks, rules_of(config)
    parse_networks(rules.networks)
    resolver = MxResolver(config.send.nameservers, timeout_s=ours.timeout)
    way = Way(resolver.addresses, lambda address: may_call(address, rules))
    endpoints = Endpoints(Manners(way, ours.timeout, ours.max_connections), monotonic)
    known = directory or Directory(store, clock)
    standing = Standing(store, known, clock, ours.pause_after)
    return notify.stage(store, clock, standing, endpoints, ours.retries), endpoints
