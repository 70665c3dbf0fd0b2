"""Can mail leave? Knock at a mail server, and read its greeting (RFC 5321 §3.1)."""

import asyncio
import contextlib
import re
import ssl

from ekiden.doctor.finding import Finding, Scene, failed, ok, skipped
from shared.config_mail import parse_pool_member
from shared.config_network import DEMO, parse_route
from shared.dns import DnsUnavailable, MxResolver, NoMail
from shared.errors import Malformed

WELL_KNOWN = "gmail.com"
"""It takes most of the world's mail, and greets everybody who can reach it."""
PATIENCE_S = 10.0
MOST_LINES = 50

Knock = tuple[str, int, bool]
"""(host, port, TLS from the first byte?)"""


async def port_25(scene: Scene) -> list[Finding]:
    """From each sending address, to the route's server or to one of a well-known domain."""
    if scene.config.send.route == DEMO and not scene.smtp:
        return [skipped("with send.route=demo: nothing leaves")]
    resolver = MxResolver(scene.config.send.nameservers, PATIENCE_S)
    try:
        host, port, tls = await _server(scene, resolver)
        addresses = await resolver.addresses(host)
    except (DnsUnavailable, NoMail) as error:
        return [failed(str(error), "look at the check `resolver`; or name a server: --smtp HOST")]
    pools = [parse_pool_member(each)[1] for each in scene.config.send.pools]
    return list(
        await asyncio.gather(
            *(_from(source, addresses, (host, port, tls)) for source in pools or [""])
        )
    )


async def _server(scene: Scene, resolver: MxResolver) -> Knock:
    if scene.smtp:
        return parse_server(scene.smtp)
    route = parse_route(scene.config.send.route)
    if route is not None:
        return route.host, route.port, route.tls
    best = (await resolver.destination(WELL_KNOWN))[0]
    return best.name, scene.config.send.mx_port, False


def parse_server(text: str) -> Knock:
    """`host`, `host:port` or `[2001:db8::1]:port`. Raises `Malformed`."""
    try:
        route = parse_route(f"smtp://{text}")
    except ValueError:
        route = None
    if route is None or route.user:
        raise Malformed(f"--smtp {text}: write it like mail.example.com or 192.0.2.1:25")
    return route.host, route.port, False


async def _from(source: str, addresses: list[str], server: Knock) -> Finding:
    """One try for the first address of the same family as the source."""
    host, port, tls = server
    fitting = [each for each in addresses if not source or (":" in each) == (":" in source)]
    if not fitting:
        return failed(f"{host} has no address of the family of {source}", "", source)
    where = f"{host} ({fitting[0]}) port {port}"
    try:
        async with asyncio.timeout(PATIENCE_S):
            greeting = await _greeting(fitting[0], port, tls, source)
    except TimeoutError:
        return failed(f"{where} did not answer within {PATIENCE_S:g} s", _BLOCKED, source)
    except OSError as error:
        return failed(f"{where}: {error.strerror or error}", _BLOCKED, source)
    if greeting[:4] not in ("220", "220 "):
        return failed(f"{where} said {greeting[:200]!r}", _UNWANTED, source)
    return ok(f"{where} said {greeting[:100]!r}", source)


async def _greeting(address: str, port: int, tls: bool, source: str) -> str:
    """The last line of it."""
    reader, writer = await asyncio.open_connection(
        address, port, ssl=_any_certificate() if tls else None, local_addr=_local(source)
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


def _local(source: str) -> tuple[str, int] | None:
    return (source, 0) if source else None


def _any_certificate() -> ssl.SSLContext:
    """Whether a certificate is good is for the sender to say; here it is about the way."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


_BLOCKED = (
    "many networks block port 25 out: ask whose network it is, or send by a smarthost (send.route)"
)
_UNWANTED = "it does not want mail from this address: look at block lists and at its words"
