"""Ways to recipients: routes as configured, and the servers at their end.

mx          the mail exchangers of the recipient's domain, protected as its policies say
smtp://…    one server that takes all that is routed to it, also with a login and TLS
lmtp://…    the same, speaking LMTP (RFC 2033)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from functions.send.protection.decide import HostProtection
from functions.send.protection.policy import Protections
from functions.send.routing import route_of
from functions.send.smtp.opening import Login
from functions.send.smtp.target import Destination, Target, Tls
from shared.address import domain_of
from shared.config_network import parse_route
from shared.dns import MxHost, MxResolver
from shared.errors import Temporary
from shared.model import Envelope

MX = "mx"


class Unprotected(Temporary):
    """No server of the domain may be used as its policies stand now (RFC 8461 §5.1)."""


@dataclass(frozen=True, slots=True)
class Way:
    """One route for one domain; for all domains alike where a server takes all."""

    route: str
    domain: str = ""


class Ways:
    """Finds the servers. `general` and `default` are routes of the configuration."""

    def __init__(
        self,
        resolver: MxResolver,
        protections: Protections,
        general: Mapping[str, str],
        default: str,
        mx_port: int = 25,
        smarthost_tls: Tls = Tls.OPPORTUNISTIC,
    ) -> None:
        self._smarthost_tls = smarthost_tls
        self._resolver = resolver
        self._protections = protections
        self._general = general
        self._default = default
        self._mx_port = mx_port

    def sort(
        self, envelopes: Sequence[Envelope], own: Mapping[str, str]
    ) -> dict[Way, list[Envelope]]:
        """The Envelopes by their way; `own` are the routes of the Domain that sends."""
        groups: dict[Way, list[Envelope]] = {}
        for envelope in envelopes:
            route = route_of(envelope.recipient, own, self._general, self._default)
            way = Way(MX, domain_of(envelope.recipient)) if route == MX else Way(route)
            groups.setdefault(way, []).append(envelope)
        return groups

    async def destination(self, way: Way) -> Destination:
        """The servers at its end. Raises `NoMail` and `Temporary`."""
        if way.route != MX:
            return _smarthost(way.route, self._smarthost_tls)
        hosts = await self._resolver.destination(way.domain)
        protections = await self._protections.of(way.domain, hosts)
        usable = [each for each in protections if not each.refusal]
        if not usable:
            raise Unprotected(protections[0].refusal)
        return Destination.of_hosts(self._target(each) for each in usable)

    async def close(self) -> None:
        await self._protections.close()

    def _target(self, protection: HostProtection) -> Target:
        host: MxHost = protection.host
        return Target(
            host.name,
            self._mx_port,
            preference=host.preference,
            tls=protection.protection.tls,
            tlsa=protection.protection.tlsa,
            tlsa_base=protection.protection.base,
        )


@lru_cache(maxsize=256)
def _smarthost(route: str, tls: Tls) -> Destination:
    server = parse_route(route)
    assert server is not None  # `mx` has its own way, and `demo:` another transmitter
    login = Login(server.user, server.password) if server.user else None
    target = Target(
        server.host,
        server.port,
        system_lookup=True,
        # A password goes only to a server that proves its name.
        tls=Tls.VERIFIED if login else tls,
        implicit_tls=server.tls,
        lmtp=server.lmtp,
        login=login,
    )
    return Destination.of_hosts([target])
