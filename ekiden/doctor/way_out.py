"""Can mail leave? Knock at a mail server, from each address that we send from."""

import asyncio

from ekiden.doctor.finding import Finding, Scene, failed, ok, skipped
from shared.config_mail import parse_pool_member
from shared.config_network import DEMO, parse_route
from shared.dns import DnsUnavailable, MxResolver, NoMail
from shared.domain_check.port_25 import PATIENCE_S, Knocked, Server, knock, server_of
from shared.errors import Malformed


async def port_25(scene: Scene) -> list[Finding]:
    """From each sending address, to the route's server or to one of a well-known domain."""
    ours = scene.config.send
    if ours.route == DEMO and not scene.smtp:
        return [skipped("with send.route=demo: nothing leaves")]
    resolver = MxResolver(ours.nameservers, PATIENCE_S)
    try:
        server = (
            parse_server(scene.smtp)
            if scene.smtp
            else await server_of(parse_route(ours.route), ours.mx_port, resolver)
        )
        addresses = await resolver.addresses(server.host)
    except (DnsUnavailable, NoMail) as error:
        return [failed(str(error), "look at the check `resolver`; or name a server: --smtp HOST")]
    pools = [parse_pool_member(each)[1] for each in ours.pools]
    return list(
        await asyncio.gather(*(_from(source, addresses, server) for source in pools or [""]))
    )


def parse_server(text: str) -> Server:
    """`host`, `host:port` or `[2001:db8::1]:port`. Raises `Malformed`."""
    try:
        route = parse_route(f"smtp://{text}")
    except ValueError:
        route = None
    if route is None or route.user:
        raise Malformed(f"--smtp {text}: write it like mail.example.com or 192.0.2.1:25")
    return Server(route.host, route.port)


async def _from(source: str, addresses: list[str], server: Server) -> Finding:
    found = await knock(source, addresses, server)
    if found.what is Knocked.GREETED:
        return ok(found.seen, source)
    return failed(found.seen, _ADVICE[found.what], source)


_BLOCKED = (
    "many networks block port 25 out: ask whose network it is, or send by a smarthost (send.route)"
)
_ADVICE = {
    Knocked.UNREACHABLE: _BLOCKED,
    Knocked.FOREIGN: "send.pools names an address that this machine does not have",
    Knocked.NO_FAMILY: "name a server that has one: --smtp HOST",
    Knocked.UNWANTED: "it does not want mail from this address: look at block lists and at its "
    "words",
}
