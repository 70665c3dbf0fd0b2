"""send, put together from the configuration."""

import os
import socket
import time
import uuid
from collections.abc import Callable
from random import Random

from functions.send import stage as send
from functions.send.destinations.limits import LimitBook, Limits
from functions.send.destinations.scheduler import Scheduler, Settings
from functions.send.journal import JournalTurns
from functions.send.outbound import SmtpTransmitter
from functions.send.pauses import Pauses
from functions.send.protection.policy import Protections
from functions.send.retry import RetryPolicy
from functions.send.settings import SendSettings
from functions.send.smtp.options import Options
from functions.send.smtp.target import Source, Tls
from functions.send.sources import Sources
from functions.send.transmit import Transmitter
from functions.send.ways import Ways
from shared.config import Config
from shared.config_mail import (
    parse_limits,
    parse_pool_member,
    parse_route_for,
    parse_tls_for,
    parse_warmup,
)
from shared.config_network import DEMO
from shared.dns import MxResolver
from shared.domains import Directory
from shared.errors import Misconfigured
from shared.notifying import Announcer
from shared.room import Room
from shared.stage import Clock, Stage, Wake
from shared.store.base import Store
from shared.watch import Watch

TLS = {
    "off": Tls.NEVER,
    "opportunistic": Tls.OPPORTUNISTIC,
    "required": Tls.REQUIRED,
    "verified": Tls.VERIFIED,
}
LOCAL_FLUSH_OUTCOMES = 50
"""With a journal, which is written anew with each Outcome: it must not grow long."""


def stage(
    config: Config,
    store: Store,
    watch: Watch | None = None,
    directory: Directory | None = None,
    woken: Callable[[Wake], None] | None = None,
) -> tuple[Stage, Transmitter]:
    """The stage, and the transmitter whose connections have to be closed at the end.

    `woken` hears of what the demo sender lets come back.
    """
    clock = time.time
    known = directory or Directory(store, clock)
    carrier = transmitter(config, store, known, woken)
    settings = _settings(config, Announcer(store, known))
    return send.stage(store, clock, watch or Watch(), carrier, settings), carrier


def _settings(config: Config, announcer: Announcer) -> SendSettings:
    ours = config.send
    writes_are_cheap = config.store.url.startswith("sqlite:")
    flush = min(ours.flush_outcomes, LOCAL_FLUSH_OUTCOMES if writes_are_cheap else 10_000)
    return SendSettings(
        owner=f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}",
        hostname=_hostname(config),
        lease_s=ours.lease_duration,
        flush_outcomes=flush,
        flush_interval_s=ours.flush_interval,
        retry=RetryPolicy(
            min_s=ours.retry_min,
            base_s=ours.retry_base,
            window_s=ours.retry_window,
            report_delay_after_s=ours.report_delay_after,
            ambiguous_is_delivered=ours.ambiguous == "delivered",
        ),
        journal=JournalTurns() if writes_are_cheap else None,
        room=Room(ours.memory),
        stored_room=Room(ours.memory),
        announcer=announcer,
    )


def transmitter(
    config: Config,
    store: Store,
    directory: Directory | None = None,
    woken: Callable[[Wake], None] | None = None,
) -> Transmitter:
    """Who transmits: SMTP, or the demo sender, from which nothing leaves."""
    if config.send.route == DEMO:
        from functions.send.demo.transmitter import DemoTransmitter

        feedback = next(iter(config.inbound.feedback_addresses), "")
        announcer = Announcer(store, directory or Directory(store, time.time))
        return DemoTransmitter(store, woken, feedback, announcer)
    resolver = MxResolver(config.send.nameservers)
    pauses = Pauses(store)
    scheduler = _scheduler(config, resolver, pauses)
    return SmtpTransmitter(
        scheduler,
        _ways(config, resolver, store, time.time),
        _sources(config, store, time.time),
        pauses,
        directory or Directory(store, time.time),
    )


def _scheduler(config: Config, resolver: MxResolver, pauses: Pauses) -> Scheduler:
    ours = config.send
    reply_s = ours.reply_timeout
    options = Options(
        ehlo_name=_hostname(config),
        connect_s=ours.connect_timeout,
        greeting_s=reply_s,
        ehlo_s=reply_s,
        mail_s=reply_s,
        rcpt_s=reply_s,
        data_s=ours.data_timeout,
        body_s=ours.final_timeout,
    )
    default = Limits(
        connections=ours.max_connections_per_destination,
        messages=ours.messages_per_connection,
        per_minute=ours.messages_per_minute,
    )
    return Scheduler(
        options,
        Random(),
        limits=LimitBook(default, dict(map(parse_limits, ours.limits))),
        settings=Settings(
            max_jobs=ours.max_jobs,
            idle_s=ours.idle_timeout,
            hold_after_s=ours.hold_after,
            first_suspension_s=min(30.0, ours.retry_min),
            large_bytes=4 * ours.memory,
        ),
        resolve=resolver.addresses,
        paused=pauses.why,
    )


def _ways(config: Config, resolver: MxResolver, store: Store, clock: Clock) -> Ways:
    ours = config.send
    default = TLS[ours.starttls]
    overrides = {domain: TLS[word] for domain, word in map(parse_tls_for, ours.tls_overrides)}
    policies = None
    if ours.mta_sts and default is not Tls.NEVER:
        from functions.send.protection.mta_sts_cache import PolicyCache
        from functions.send.protection.mta_sts_fetch import HttpsFetch

        policies = PolicyCache(resolver, HttpsFetch(resolver), store, clock)
    protections = Protections(resolver, default, overrides, policies=policies, dane=ours.dane)
    general = dict(map(parse_route_for, ours.routes))
    return Ways(resolver, protections, general, ours.route, ours.mx_port, default)


def _sources(config: Config, store: Store, clock: Clock) -> Sources:
    pools: dict[str, list[Source]] = {}
    for pool, address, name in map(parse_pool_member, config.send.pools):
        _check_ours(address)
        pools.setdefault(pool, []).append(Source(address, name))
    members = {source.address for pool in pools.values() for source in pool}
    first_days = dict(map(parse_warmup, config.send.warmup))
    for address in first_days.keys() - members:
        raise Misconfigured(f"send.warmup: {address} is in no pool of send.pools")
    return Sources(pools, first_days, store, clock)


def _check_ours(address: str) -> None:
    """Raises `Misconfigured`: an address that is not ours would defer all mail, one by one."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            raise Misconfigured(f"send.pools: cannot send from {address}: {error}") from error


def _hostname(config: Config) -> str:
    return config.send.hostname or socket.getfqdn()
