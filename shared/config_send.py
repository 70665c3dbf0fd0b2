"""The options of the sender: limits, patience, routes, protection."""

from typing import Annotated

from shared.config_kinds import (
    DAY,
    HOUR,
    MIB,
    MINUTE,
    SECOND,
    Duration,
    ListOf,
    NameServer,
    OneOf,
    Route,
    Size,
    Whole,
    YesNo,
)
from shared.config_mail import DestinationLimits, PoolMember, RouteFor, TlsFor, WarmUp
from shared.config_section import HOST_NAME, Section


class Send(Section, frozen=True):
    """How mail leaves."""

    hostname: Annotated[
        str, HOST_NAME, "The name in EHLO. Empty: this machine's own full name."
    ] = ""
    route: Annotated[
        str,
        Route(),
        "`mx`: straight to the recipient's servers. Or the one server that takes all mail: "
        "`smtp://host:port`, `smtp://user:password@host:587`, `smtps://user:password@host:465`, "
        "`lmtp://host:24`. `demo:` sends nothing and makes up what servers would say.",
    ] = "mx"
    routes: Annotated[
        tuple[str, ...],
        ListOf(RouteFor()),
        "Other routes for some recipient domains: `example.com=smtp://host:25`, "
        "`*.example.com=lmtp://host:24`.",
    ] = ()
    pools: Annotated[
        tuple[str, ...],
        ListOf(PoolMember()),
        "Addresses of this machine to send from, each in a pool and with its name in EHLO: "
        "`bulk=192.0.2.10/m1.example.com`. Domains and Batches name the pool; the pool `default` "
        "is for those that do not.",
    ] = ()
    warmup: Annotated[
        tuple[str, ...],
        ListOf(WarmUp()),
        "New sending addresses, each with the day of its first mail: `192.0.2.10=2026-11-21`. "
        "They may send 50 mails to a destination on that day, and more each day.",
    ] = ()
    mx_port: Annotated[int, Whole(1, 65535), "The port of mail exchangers: 25, but for tests."] = 25
    max_jobs: Annotated[
        int,
        Whole(1, 10_000),
        "Open connections in all; as many again may wait for slow servers.",
    ] = 200
    max_connections_per_destination: Annotated[
        int, Whole(1, 1000), "Open connections to one destination."
    ] = 20
    messages_per_connection: Annotated[
        int, Whole(1, 100_000), "Then a connection is closed, and another one opened."
    ] = 100
    messages_per_minute: Annotated[
        int, Whole(0, 10_000_000), "To one destination; 0 is no limit."
    ] = 0
    limits: Annotated[
        tuple[str, ...],
        ListOf(DestinationLimits()),
        "Other limits for the mail servers below a name: "
        "`google.com connections=10 messages=50 per_minute=600`. Some well-known providers have "
        "theirs already (docs/sender.md).",
    ] = ()
    hold_after: Annotated[
        float,
        Duration(),
        "What a destination cannot take within this time goes back to the store until it can.",
    ] = 60 * SECOND
    memory: Annotated[int, Size(), "Envelopes held in memory at the same time, at most."] = 32 * MIB
    retry_min: Annotated[
        float, Duration(), "The shortest wait before a deferred Delivery is tried again."
    ] = 5 * MINUTE
    retry_base: Annotated[
        float, Duration(), "The wait doubles from here: `max(retry_min, retry_base · 2ⁿ)`."
    ] = 2 * MINUTE
    retry_window: Annotated[
        float, Duration(), "How long after its time a Delivery is tried at all."
    ] = 24 * HOUR
    lease_duration: Annotated[
        float, Duration(), "A sender that says nothing for so long has lost its Bag to another."
    ] = 60 * SECOND
    flush_interval: Annotated[float, Duration(), "Outcomes are stored at least this often …"] = (
        1 * SECOND
    )
    flush_outcomes: Annotated[int, Whole(1, 10_000), "… and when there are so many."] = 200
    connect_timeout: Annotated[
        float, Duration(), "How long one address of a server may take to accept a connection."
    ] = 30 * SECOND
    reply_timeout: Annotated[
        float, Duration(), "How long a server may take for one reply (RFC 5321 §4.5.3.2)."
    ] = 5 * MINUTE
    data_timeout: Annotated[
        float, Duration(), "How long a server may take to say that it wants the message."
    ] = 2 * MINUTE
    final_timeout: Annotated[
        float,
        Duration(),
        "How long a server may take to take a message that it has. Less doubles mail (RFC 5321 "
        "§4.5.3.2.6).",
    ] = 10 * MINUTE
    ambiguous: Annotated[
        str,
        OneOf(("retry", "delivered")),
        "What a message counts as whose final dot was never answered.",
    ] = "retry"
    idle_timeout: Annotated[
        float, Duration(), "How long an unused connection is kept for the next message."
    ] = 30 * SECOND
    starttls: Annotated[
        str,
        OneOf(("off", "opportunistic", "required")),
        "`opportunistic` uses TLS where the server offers it; `required` defers the Delivery where "
        "it does not.",
    ] = "opportunistic"
    tls_overrides: Annotated[
        tuple[str, ...],
        ListOf(TlsFor()),
        "Other protection for some recipient domains: `example.com=verified`; `off`, "
        "`opportunistic`, `required` or `verified`.",
    ] = ()
    mta_sts: Annotated[
        bool, YesNo(), "Follow the policies that domains publish for their mail (RFC 8461)."
    ] = True
    dane: Annotated[
        bool,
        YesNo(),
        "Follow TLSA records (RFC 7672). Only with name servers that check DNSSEC, on this machine "
        "or behind a network that you trust.",
    ] = False
    report_delay_after: Annotated[
        float,
        Duration(),
        "Mail that came by SMTP and is still deferred after so long gets a report of delay, once; "
        "3650d is never.",
    ] = 3650 * DAY
    nameservers: Annotated[
        tuple[str, ...],
        ListOf(NameServer()),
        "Asked instead of the system's: `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:53`.",
    ] = ()
    return_path_host: Annotated[
        str, HOST_NAME, "The host in return paths, where bounces go. Empty: the Domain itself."
    ] = ""
