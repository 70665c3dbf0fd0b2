"""DANE (RFC 7672): what a host's TLSA records demand, where DNSSEC vouches for all the way to them.

The way is the MX answer, then the addresses of the host, then the records. Where a link is not
signed there is no DANE; where a signed one does not hold, the host is not to be used.
"""

from functions.send.protection.tlsa import Demand, usable
from functions.send.smtp.target import Tlsa
from shared.dns import MxHost, MxResolver, NoSuchDomain


async def demand_of(resolver: MxResolver, host: MxHost) -> Demand | None:
    """What `host` demands; None without DANE.

    Raises `DnsUnavailable` where its records are bogus, or cannot be had: it may not be used now
    (RFC 7672 §2.1.1).
    """
    if not host.authenticated:  # RFC 7672 §2.2.1
        return None
    for base in await _bases(resolver, host.name):
        answer = await resolver.tlsa(base)
        if answer.authenticated and answer.records:
            return Demand(base, usable(Tlsa(*record) for record in answer.records))
    return None


async def _bases(resolver: MxResolver, host: str) -> list[str]:
    """Under which names the records may be, in their order (RFC 7672 §2.2.2, §2.2.3)."""
    try:
        found = await resolver.host(host)
    except NoSuchDomain:
        return []
    if found.authenticated:
        return list(dict.fromkeys((found.canonical, host)))
    if found.canonical != host and await resolver.alias_is_authenticated(host):
        return [host]
    return []
