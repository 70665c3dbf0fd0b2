"""Where a domain's mail goes: MX lookup (RFC 5321 §5.1), host addresses, and what DANE needs.

Temporary and permanent are told apart here: NXDOMAIN and the null MX (RFC 7505) say that there
will never be a server; SERVFAIL, a circle of CNAMEs and silence say nothing.

`authenticated` is the AD bit (RFC 6840 §5.8): the name server says that it checked DNSSEC. It is
worth as much as the network to that server.

dnspython is imported at the first lookup (`shared/dns_client.py`): a sender with a smarthost never
needs it.
"""

import asyncio
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from shared.config_network import parse_nameserver
from shared.errors import Permanent, Temporary

if TYPE_CHECKING:
    from shared.dns_client import Client, Reply

MOST_HOSTS = 30
"""Of one domain. Hundreds of dead ones would keep a session busy for hours."""
MOST_ADDRESSES = 16
"""Of one host, for the same reason."""

_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")


class DnsUnavailable(Temporary):
    """No name server gave an answer that counts."""


class NoMail(Permanent):
    """No server will ever take mail for this domain."""

    reason: ClassVar[str]
    """One stable word for the Outcome."""


class NoSuchDomain(NoMail):
    """The domain does not exist, or has neither a mail server nor an address."""

    reason = "no_such_domain"


class NullMx(NoMail):
    """The domain says that it takes no mail (RFC 7505)."""

    reason = "null_mx"


@dataclass(frozen=True, slots=True)
class MxHost:
    """A server that takes mail for a domain."""

    name: str
    """Without the final dot; an address literal keeps its brackets."""
    preference: int = 0
    """Lower comes first."""
    authenticated: bool = field(default=False, compare=False)
    """The answer that named it, or said that there is no MX, was checked by DNSSEC."""


@dataclass(frozen=True, slots=True)
class HostAnswer:
    """Where a host is."""

    addresses: list[str]
    """IPv4 first: large providers ask more of IPv6 senders."""
    canonical: str = ""
    """The name behind all CNAMEs: most often the host's own."""
    authenticated: bool = False
    """The addresses, and every CNAME on the way to them."""


@dataclass(frozen=True, slots=True)
class TlsaAnswer:
    """What a host says about its certificates (RFC 6698 §2.1)."""

    records: tuple[tuple[int, int, int, bytes], ...]
    """(usage, selector, matching type, data); empty: there are none."""
    authenticated: bool
    """Without it the records count for nothing (RFC 7672 §2.2)."""


class MxResolver:
    """Asks name servers and remembers what they say, each answer for its TTL.

    `nameservers`: such as "192.0.2.1" or "192.0.2.1:5353"; none given, those of the system. Asked
    in their order; one that is silent, lame or broken gives way to the next. `timeout_s` bounds
    one question over all of them.
    """

    def __init__(self, nameservers: Sequence[str] | None = None, timeout_s: float = 20) -> None:
        self._nameservers = [parse_nameserver(each) for each in nameservers or ()]
        self._timeout_s = timeout_s
        self._made: Client | None = None

    async def destination(self, domain: str) -> list[MxHost]:
        """The hosts that take mail for `domain`, or for `[1.2.3.4]`, best first.

        A host may turn out not to exist: another one may. Raises `NullMx`, `NoSuchDomain`,
        `DnsUnavailable`.
        """
        if _address(domain) is not None:
            return [MxHost(domain)]
        reply = await self._ask(domain, "MX")
        if not reply.exists:
            raise NoSuchDomain(f"{domain} does not exist")
        if reply.records:
            return _hosts(domain, reply)
        if await self.addresses(domain):  # the implicit MX
            return [MxHost(domain.lower().rstrip("."), authenticated=reply.authenticated)]
        raise NoSuchDomain(f"{domain} has no mail server and no address")

    async def addresses(self, host: str) -> list[str]:
        """The addresses of a host, as `HostAnswer` has them.

        Raises `NoSuchDomain`, `DnsUnavailable`. A host may have none: then the list is empty.
        """
        return (await self.host(host)).addresses

    async def host(self, host: str) -> HostAnswer:
        """Where a host is, and whether that is authenticated. Raises as `addresses` does."""
        literal = _address(host)
        if literal is not None:
            return HostAnswer([literal], host)
        both = await asyncio.gather(
            self._ask(host, "A"), self._ask(host, "AAAA"), return_exceptions=True
        )
        failures = [reply for reply in both if isinstance(reply, BaseException)]
        replies = [reply for reply in both if not isinstance(reply, BaseException)]
        found = [record.address for reply in replies for record in reply.records]
        if failures and not found:
            raise failures[0]  # one family says no, and nobody knows about the other
        if not any(reply.exists for reply in replies):
            raise NoSuchDomain(f"{host} does not exist")
        return HostAnswer(
            found[:MOST_ADDRESSES],
            next(reply for reply in replies if reply.exists).canonical,
            all(reply.authenticated for reply in replies),
        )

    async def alias_is_authenticated(self, host: str) -> bool:
        """Whether `host` is a CNAME that DNSSEC proves, wherever it leads. Raises
        `DnsUnavailable`."""
        reply = await self._ask(host, "CNAME")
        return bool(reply.records) and reply.authenticated

    async def tlsa(self, host: str, port: int = 25) -> TlsaAnswer:
        """The TLSA records of a host's port (RFC 6698 §3).

        Raises `DnsUnavailable`, also when they are bogus: a name server that checks DNSSEC says
        SERVFAIL then (RFC 4035 §5.5). That is no absence.
        """
        reply = await self._ask(f"_{port}._tcp.{host}", "TLSA")
        records = ((rr.usage, rr.selector, rr.mtype, rr.cert) for rr in reply.records)
        return TlsaAnswer(tuple(records), reply.authenticated)

    async def txt(self, name: str) -> list[str]:
        """The TXT records of a name, the parts of each joined; empty if there are none.

        Raises `DnsUnavailable`.
        """
        reply = await self._ask(name, "TXT")
        return [b"".join(rr.strings).decode("utf-8", "replace") for rr in reply.records]

    async def _ask(self, name: str, kind: str) -> "Reply":
        if self._made is None:
            from shared.dns_client import Client

            self._made = Client(self._nameservers, self._timeout_s)
        return await self._made.ask(name, kind)


def _hosts(domain: str, reply: "Reply") -> list[MxHost]:
    """Each named host once, best first.

    What is no host name is passed over, also a "." among others (RFC 7505 §3): nothing could be
    reached there, and another host may work. An IP address, though none either (RFC 1035 §3.3.9),
    is used as what was meant.
    """
    found = [(rr.preference, rr.exchange.to_text(omit_final_dot=True)) for rr in reply.records]
    if all(name == "." for _, name in found):
        raise NullMx(f"{domain} takes no mail")
    hosts: dict[str, MxHost] = {}
    for preference, name in sorted((rank, name.lower()) for rank, name in found):
        if _HOST.fullmatch(name):
            hosts.setdefault(name, MxHost(name, preference, reply.authenticated))
    if not hosts:
        raise NoSuchDomain(f"{domain} names no mail server that could exist")
    return list(hosts.values())[:MOST_HOSTS]


def _address(host: str) -> str | None:
    """The address that `host` already is, such as `[192.0.2.1]` (RFC 5321 §4.1.3) or `::1`."""
    text = host.removeprefix("[").removesuffix("]")
    if text[:5].lower() == "ipv6:":
        text = text[5:]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as malformed:
        if host.startswith("["):
            raise NoSuchDomain(f"{host} is no address") from malformed
        return None
