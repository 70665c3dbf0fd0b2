"""A name server on the loopback, UDP and TCP, that knows a few names and misbehaves on purpose."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

SERVFAIL = "SERVFAIL"
"""Also what a name server that checks DNSSEC says about bogus records (RFC 4035 §5.5)."""
REFUSED = "REFUSED"
FORMERR = "FORMERR"
SILENCE = "silence"
GARBAGE = "garbage"
"""Bytes that are no answer."""
LAME = "lame"
"""A referral to other servers, where an answer was asked for."""
NO_EDNS = "no EDNS"
"""FORMERR to a question with EDNS, a plain answer to one without."""
TTL_S = 300


@dataclass
class Signed:
    """Records (none: a denial) that DNSSEC proves: with AD, to who asks for it (RFC 6840 §5.7)."""

    records: list[str] = field(default_factory=list)


@dataclass
class Truncated:
    """Records that do not fit into a UDP packet."""

    records: list[str]


@dataclass
class Lasting:
    """Records (none: a denial) that may be kept for `ttl_s`."""

    ttl_s: int
    records: list[str] = field(default_factory=list)


Zone = dict[tuple[str, str], "list[str] | str | Signed | Truncated | Lasting"]
"""(name, type) → the records as in a zone file, wrapped as above; or a word from above.

A name with any record exists; all others do not. CNAMEs are followed."""


class DnsServer(asyncio.DatagramProtocol):
    """`asked` counts the questions, `asked_by_tcp` those that came by TCP.

    With `always`, one of the words above, that is the answer to every question.
    """

    def __init__(self, zone: Zone, always: str = "") -> None:
        self._zone = zone
        self._always = always
        self._transport: asyncio.DatagramTransport
        self._streams: asyncio.Server
        self.asked: Counter[tuple[str, str]] = Counter()
        self.asked_by_tcp: Counter[tuple[str, str]] = Counter()

    async def start(self) -> str:
        """Listen, and return `address:port`."""
        loop = asyncio.get_running_loop()
        self._streams = await asyncio.start_server(self._converse, "127.0.0.1", 0)
        host, port = self._streams.sockets[0].getsockname()[:2]
        try:
            await loop.create_datagram_endpoint(lambda: self, (host, port))
        except OSError:  # the same port is taken for UDP: another one will do
            self._streams.close()
            return await self.start()
        return f"{host}:{port}"

    def close(self) -> None:
        self._transport.close()
        self._streams.close()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._answer(data, by_tcp=False)
        if answer is not None:
            self._transport.sendto(answer, addr)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """RFC 1035 §4.2.2: each message behind its length."""
        size_bytes = int.from_bytes(await reader.readexactly(2), "big")
        answer = self._answer(await reader.readexactly(size_bytes), by_tcp=True)
        if answer is not None:
            writer.write(len(answer).to_bytes(2, "big") + answer)
        writer.close()

    def _answer(self, data: bytes, by_tcp: bool) -> bytes | None:
        query = dns.message.from_wire(data)
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        self.asked[name, kind] += 1
        self.asked_by_tcp[name, kind] += by_tcp
        response = dns.message.make_response(query, recursion_available=True)
        assert isinstance(response, dns.message.QueryMessage)
        known = self._always or self._chase(name, kind, response)
        if known == NO_EDNS:
            response.use_edns(False)
            known = FORMERR if query.edns >= 0 else self._chase(name, kind, response)
        if known == SILENCE:
            return None
        if known == GARBAGE:
            return data[:2] + b"\xff" * 40
        if isinstance(known, Truncated) and not by_tcp:
            response.flags |= dns.flags.TC
            return response.to_wire()
        _fill(response, known, query)
        return response.to_wire(max_size=65535)

    def _chase(self, name: str, kind: str, response: dns.message.QueryMessage) -> object:
        """What is known under `name`, or where its CNAMEs lead; None if there is no such name."""
        met: set[str] = set()
        while (name, kind) not in self._zone and (name, "CNAME") in self._zone and name not in met:
            met.add(name)
            alias = _records(self._zone[name, "CNAME"])
            response.answer.append(
                dns.rrset.from_text_list(name + ".", TTL_S, "IN", "CNAME", alias)
            )
            name = alias[0].removesuffix(".").lower()
        exists = any(known == name for known, _ in self._zone)
        missing = [] if exists else None
        return self._zone.get((name, kind), missing)


def _fill(
    response: dns.message.QueryMessage, known: object, query: dns.message.QueryMessage
) -> None:
    if known is None:
        response.set_rcode(dns.rcode.NXDOMAIN)
    elif known in (SERVFAIL, REFUSED, FORMERR):
        response.set_rcode(dns.rcode.from_text(str(known)))
    elif known == LAME:
        authority = dns.rrset.from_text("test.", TTL_S, "IN", "NS", "ns.elsewhere.test.")
        response.authority.append(authority)
    else:
        _append(response, known)
        if isinstance(known, Signed) and query.flags & dns.flags.AD:
            response.flags |= dns.flags.AD


def _append(response: dns.message.QueryMessage, known: object) -> None:
    records, ttl_s = _records(known), known.ttl_s if isinstance(known, Lasting) else TTL_S
    owner = response.answer[-1][0].target if response.answer else response.question[0].name
    kind = dns.rdatatype.to_text(response.question[0].rdtype)
    if records:
        response.answer.append(dns.rrset.from_text_list(owner, ttl_s, "IN", kind, records))
        return
    soa = f"ns.test. postmaster.test. 1 3600 600 86400 {ttl_s}"
    response.authority.append(dns.rrset.from_text("test.", ttl_s, "IN", "SOA", soa))


def _records(known: object) -> list[str]:
    if isinstance(known, Signed | Truncated | Lasting):
        return known.records
    return known if isinstance(known, list) else []
