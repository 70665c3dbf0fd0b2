"""Can mail leave? Knock at a mail server, and read its greeting (RFC 5321 §3.1)."""

import asyncio
import contextlib
import errno
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from shared.config_network import Route
from shared.dns import MxResolver
from shared.domain_check.model import Check, State

NAME = "port-25"
WHY = "Mail servers are reached by it; many networks block it, and then no mail leaves."
WELL_KNOWN = "gmail.com"
"""It takes most of the world's mail, and greets everybody who can reach it."""
PATIENCE_S = 10.0
MOST_LINES = 50


class Knocked(Enum):
    """What became of it."""

    GREETED = auto()
    UNREACHABLE = auto()
    UNWANTED = auto()
    """It answered, and wants no mail from us."""
    FOREIGN = auto()
    """This machine does not have the address that was to be sent from."""
    NO_FAMILY = auto()
    """The server has no address of the source's IP version."""


@dataclass(frozen=True, slots=True)
class Knock:
    """One try."""

    what: Knocked
    seen: str


@dataclass(frozen=True, slots=True)
class Server:
    """Where to knock."""

    host: str
    port: int
    tls: bool = False
    """From the first byte."""


async def server_of(route: Route | None, mx_port: int, resolver: MxResolver) -> Server:
    """The route's, else the best one of a well-known domain. Raises `NoMail`,
    `DnsUnavailable`."""
    if route is not None:
        return Server(route.host, route.port, route.tls)
    return Server((await resolver.destination(WELL_KNOWN))[0].name, mx_port)


async def knock(source: str, addresses: Sequence[str], server: Server) -> Knock:
    """One try from `source` (empty: any) at the first address of the same family."""
    fitting = [each for each in addresses if not source or (":" in each) == (":" in source)]
    if not fitting:
        seen = f"{server.host} has no address of the family of {source or 'any'}"
        return Knock(Knocked.NO_FAMILY, seen)
    where = f"{server.host} ({fitting[0]}) port {server.port}"
    try:
        async with asyncio.timeout(PATIENCE_S):
            greeting = await _greeting(fitting[0], server, source)
    except TimeoutError:
        return Knock(Knocked.UNREACHABLE, f"{where} did not answer within {PATIENCE_S:g} s")
    except OSError as error:
        foreign = source and error.errno == errno.EADDRNOTAVAIL
        what = Knocked.FOREIGN if foreign else Knocked.UNREACHABLE
        return Knock(what, f"{where}: {error.strerror or error}")
    if greeting[:4] not in ("220", "220 "):
        return Knock(Knocked.UNWANTED, f"{where} said {greeting[:200]!r}")
    return Knock(Knocked.GREETED, f"{where} said {greeting[:100]!r}")


def judge(source: str, found: Knock) -> Check:
    """`source`: the address that was knocked from; empty: any."""
    state, seen = State.FAILED, found.seen
    if found.what is Knocked.GREETED:
        state = State.OK
    elif found.what is Knocked.FOREIGN:
        state = State.UNKNOWN
        seen = f"this machine does not have {source}: look from where mail leaves ({seen})"
    elif found.what is Knocked.NO_FAMILY:
        state = State.UNKNOWN
    return Check(NAME, state, "a mail server outside greets us", seen, WHY, source)


async def _greeting(address: str, server: Server, source: str) -> str:
    """The last line of it."""
    reader, writer = await asyncio.open_connection(
        address,
        server.port,
        ssl=_any_certificate() if server.tls else None,
        local_addr=(source, 0) if source else None,
    )
    try:
        line = await _line(reader)
        for _ in range(MOST_LINES):
            if not re.match(r"\d{3}-", line):
                break
            line = await _line(reader)
        writer.write(b"QUIT\r\n")
        return line
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _line(reader: asyncio.StreamReader) -> str:
    try:
        line = await reader.readline()
    except ValueError as error:  # longer than any reply may be
        raise OSError("what it says is no SMTP") from error
    if not line:
        raise OSError("it hung up without a greeting")
    return line.decode("utf-8", "replace").rstrip()


def _any_certificate() -> ssl.SSLContext:
    """Whether a certificate is good is for the sender to say; here it is about the way."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
