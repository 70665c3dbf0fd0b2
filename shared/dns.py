"""Where a domain's mail goes: MX lookup (RFC 5321 §5.1) with a cache, and host addresses.

Temporary and permanent are told apart here: NXDOMAIN and the null MX (RFC 7505) say that there
will never be a server; SERVFAIL and silence say nothing.

dnspython is imported at the first lookup: a sender with a smarthost never needs it.
"""

import asyncio
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from shared.config_network import parse_nameserver
from shared.errors import Misconfigured, Permanent, Temporary

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver
    from dns.name import Name
    from dns.resolver import Answer

CACHED_ANSWERS = 20_000
"""Each is kept for its TTL, at most; about 2 KB."""


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


class MxResolver:
    """Asks name servers and remembers what they say.

    `nameservers`: such as "192.0.2.1" or "192.0.2.1:5353"; none given, those of the system.
    """

    def __init__(self, nameservers: Sequence[str] | None = None, timeout_s: float = 20) -> None:
        self._nameservers = [parse_nameserver(each) for each in nameservers or ()]
        self._timeout_s = timeout_s
        self._made: Resolver | None = None

    async def destination(self, domain: str) -> list[MxHost]:
        """The hosts that take mail for `domain`, or for `[1.2.3.4]`, best first.

        Raises `NullMx`, `NoSuchDomain`, `DnsUnavailable`.
        """
        if _address(domain) is not None:
            return [MxHost(domain)]
        answer = await self._ask(domain, "MX")
        if answer is not None:
            found = [(rr.preference, rr.exchange.to_text(omit_final_dot=True)) for rr in answer]
            hosts = [MxHost(name.lower(), rank) for rank, name in sorted(found) if name != "."]
            if not hosts:
                raise NullMx(f"{domain} takes no mail")
            return hosts
        if await self.addresses(domain):  # the implicit MX
            return [MxHost(domain.lower().rstrip("."))]
        raise NoSuchDomain(f"{domain} has no mail server and no address")

    async def addresses(self, host: str) -> list[str]:
        """The addresses of a host, IPv4 first: large providers ask more of IPv6 senders.

        Raises `NoSuchDomain`, `DnsUnavailable`. A host may have none: then the list is empty.
        """
        literal = _address(host)
        if literal is not None:
            return [literal]
        both = await asyncio.gather(
            self._ask(host, "A"), self._ask(host, "AAAA"), return_exceptions=True
        )
        found: list[str] = []
        for answer in both:
            if not isinstance(answer, BaseException) and answer is not None:
                found += [rr.address for rr in answer]
        failures = [failure for failure in both if isinstance(failure, BaseException)]
        if failures and not found:
            raise failures[0]
        return found

    async def _ask(self, name: str, kind: str) -> "Answer | None":
        """One question; None when the name exists without such a record."""
        import dns.exception
        import dns.resolver

        question = _absolute(name)
        try:
            return await self._resolver.resolve(question, kind, search=False)
        except dns.resolver.NoAnswer:
            return None
        except dns.resolver.NXDOMAIN as missing:
            raise NoSuchDomain(f"{name} does not exist") from missing
        except (dns.exception.DNSException, OSError) as failure:
            raise DnsUnavailable(f"no answer about {name} {kind}: {failure}") from failure

    @property
    def _resolver(self) -> "Resolver":
        if self._made is None:
            self._made = self._make()
        return self._made

    def _make(self) -> "Resolver":
        import dns.asyncresolver
        import dns.nameserver
        import dns.resolver

        try:
            resolver = dns.asyncresolver.Resolver(configure=not self._nameservers)
        except dns.resolver.NoResolverConfiguration as missing:
            raise Misconfigured(
                "no name servers: none given, none known to the system"
            ) from missing
        if self._nameservers:
            resolver.nameservers = [
                dns.nameserver.Do53Nameserver(address, port) for address, port in self._nameservers
            ]
        resolver.lifetime = self._timeout_s
        resolver.timeout = min(resolver.timeout, self._timeout_s / 2)
        resolver.cache = dns.resolver.LRUCache(CACHED_ANSWERS)
        return resolver


def _absolute(name: str) -> "Name":
    import dns.exception
    import dns.name

    # The IDNA of 2003 would look for the mail server of straße.de at strasse.de.
    idna = dns.name.IDNA_2008_Practical if dns.name.have_idna_2008 else None
    try:
        return dns.name.from_text(name, idna_codec=idna)
    except (dns.exception.DNSException, UnicodeError) as malformed:
        raise NoSuchDomain(f"{name!r} is no domain name: {malformed}") from malformed


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
