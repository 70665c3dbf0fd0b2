"""Questions to name servers, with dnspython: the edge below `shared/dns.py`.

A module of its own so that it is imported at the first lookup only.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.nameserver
import dns.rcode
import dns.rdatatype
import dns.resolver

from shared.dns import DnsUnavailable
from shared.errors import Misconfigured

CACHED_ANSWERS = 20_000
"""About 2 KB each."""
LONGEST_TTL_S = 24 * 3600.0
"""A sender runs for months, and a slip of the pen in a zone is worth 68 years."""
LONGEST_DENIAL_S = 3 * 3600.0
"""RFC 2308 §5."""
UDP_SIZE_BYTES = 1232
"""What passes every network in one piece (DNS flag day 2020)."""
TRY_S = 2.0
"""For one server to answer, before the next one is asked."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What is known about one name and type."""

    records: Sequence[Any]
    """As dnspython has them; empty if there are none."""
    exists: bool
    """Whether there is such a name at all, with whatever records."""
    authenticated: bool
    canonical: str
    """The name behind all CNAMEs."""


class Client:
    """`nameservers`: addresses and ports; none given, those of the system."""

    def __init__(self, nameservers: Sequence[tuple[str, int]], timeout_s: float) -> None:
        try:
            resolver = dns.asyncresolver.Resolver(configure=not nameservers)
        except dns.resolver.NoResolverConfiguration as missing:
            raise Misconfigured(
                "no name servers: none given, none known to the system"
            ) from missing
        resolver.nameservers = [
            *(_Server(address, port) for address, port in nameservers),
            *(_Server(each) for each in resolver.nameservers if isinstance(each, str)),
        ]
        resolver.lifetime = timeout_s
        resolver.timeout = min(TRY_S, timeout_s / 2)
        resolver.cache = _Cache(CACHED_ANSWERS)
        resolver.use_edns(0, payload=UDP_SIZE_BYTES)
        # AD in a question asks for AD in the answer, without the signatures (RFC 6840 §5.7).
        resolver.set_flags(dns.flags.RD | dns.flags.AD)
        self._resolver = resolver

    async def ask(self, name: str, kind: str) -> Reply:
        """One question. What cannot be a name does not exist. Raises `DnsUnavailable`."""
        question = _absolute(name)
        if question is None:
            return Reply((), False, False, name)
        try:
            answer = await self._resolver.resolve(
                question, kind, search=False, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN as missing:
            denial = missing.response(question)  # type: ignore[no-untyped-call]
            return Reply((), False, _authenticated(denial), name)
        except (dns.exception.DNSException, OSError) as failure:
            raise DnsUnavailable(f"no answer about {name} {kind}: {failure}") from failure
        return Reply(
            tuple(answer),
            True,
            _authenticated(answer.response),
            answer.canonical_name.to_text(omit_final_dot=True).lower(),
        )


class _Server(dns.nameserver.Do53Nameserver):
    """One name server, and what broken ones do."""

    async def async_query(
        self, request: dns.message.QueryMessage, *args: Any, **kwargs: Any
    ) -> dns.message.Message:
        response = await super().async_query(request, *args, **kwargs)
        if _knows_no_edns(response):
            plain = dns.message.make_query(
                request.question[0].name, request.question[0].rdtype, flags=request.flags
            )
            response = await super().async_query(plain, *args, **kwargs)
        if _is_referral(response):
            # dnspython would read it as "no such record", and mail would bounce.
            raise OSError("lame: it names other servers instead of asking them")
        return response


class _Cache(dns.resolver.LRUCache):
    """Nothing is kept for longer than is good."""

    def put(self, key: dns.resolver.CacheKey, value: dns.resolver.Answer) -> None:
        longest_s = LONGEST_TTL_S if value.rrset is not None else LONGEST_DENIAL_S
        value.expiration = min(value.expiration, time.time() + longest_s)
        super().put(key, value)


def _knows_no_edns(response: dns.message.Message) -> bool:
    """RFC 6891 §7."""
    refusals = (dns.rcode.FORMERR, dns.rcode.NOTIMP)
    return response.rcode() in refusals and response.edns < 0


def _is_referral(response: dns.message.Message) -> bool:
    """NS records and nothing else (RFC 2308 §2.2.1): no answer to a question with RD."""
    kinds = {rrset.rdtype for rrset in response.authority}
    empty = response.rcode() == dns.rcode.NOERROR and not response.answer
    return empty and dns.rdatatype.NS in kinds and dns.rdatatype.SOA not in kinds


def _authenticated(response: dns.message.Message) -> bool:
    return bool(response.flags & dns.flags.AD)


def _absolute(name: str) -> dns.name.Name | None:
    # The IDNA of 2003 would look for the mail server of straße.de at strasse.de.
    idna = dns.name.IDNA_2008_Practical if dns.name.have_idna_2008 else None
    try:
        return dns.name.from_text(name, idna_codec=idna)
    except (dns.exception.DNSException, UnicodeError):
        return None
