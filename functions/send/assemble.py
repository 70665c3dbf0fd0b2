"""send, put together from the configuration."""

import os
import socket
import time
import uuid
from random import Random

from functions.send import stage as send
from functions.send.retry import RetryPolicy
from functions.send.smtp.opening import Login
from functions.send.smtp.options import Options
from functions.send.smtp.pool import Limits, Pool
from functions.send.smtp.target import Destination, Target, Tls
from functions.send.transmit import SmtpTransmitter, Transmitter
from shared.config import Config
from shared.config_network import Route, parse_route
from shared.dns import MxResolver
from shared.stage import Clock, Stage
from shared.store.base import Store
from shared.watch import Watch

_TLS = {"off": Tls.NEVER, "opportunistic": Tls.OPPORTUNISTIC, "required": Tls.REQUIRED}


def stage(
    config: Config,
    store: Store,
    watch: Watch | None = None,
    clock: Clock = time.time,
) -> tuple[Stage, Transmitter]:
    """The stage, and the transmitter whose connections have to be closed at the end."""
    carrier = transmitter(config)
    settings = send.SendSettings(
        owner=f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}",
        lease_s=config.send.lease_duration,
        flush_outcomes=config.send.flush_outcomes,
        flush_interval_s=config.send.flush_interval,
        retry=RetryPolicy(
            min_s=config.send.retry_min,
            base_s=config.send.retry_base,
            window_s=config.send.retry_window,
        ),
    )
    return send.stage(store, clock, watch or Watch(), carrier, settings), carrier


def transmitter(config: Config) -> SmtpTransmitter:
    """The SMTP client with its pool of connections and its view of DNS."""
    reply_s = config.send.reply_timeout
    options = Options(
        ehlo_name=config.send.hostname or socket.getfqdn(),
        connect_s=config.send.connect_timeout,
        greeting_s=reply_s,
        ehlo_s=reply_s,
        mail_s=reply_s,
        rcpt_s=reply_s,
    )
    limits = Limits(
        connections=config.send.max_connections_per_destination,
        idle_s=config.send.idle_timeout,
    )
    resolver = MxResolver(config.send.nameservers)
    pool = Pool(
        options,
        limits=limits,
        max_jobs=config.send.max_jobs,
        chance=Random(),
        resolve=resolver.addresses,
    )
    tls = _TLS[config.send.starttls]
    route = config.send.route
    return SmtpTransmitter(pool, resolver, _smarthost(route, tls), tls)


def _smarthost(route: str, tls: Tls) -> Destination | None:
    server: Route | None = parse_route(route)
    if server is None:
        return None
    login = Login(server.user, server.password) if server.user else None
    target = Target(
        server.host,
        server.port,
        system_lookup=True,
        # A password goes only to a server that proves its name.
        tls=Tls.VERIFIED if login else tls,
        implicit_tls=server.tls,
        login=login,
    )
    return Destination.of_hosts([target])
