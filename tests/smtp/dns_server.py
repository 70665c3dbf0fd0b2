"""A name server on the loopback that knows a few names, refuses some and is silent about others."""

import asyncio
from collections import Counter

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

SERVFAIL = "SERVFAIL"
SILENCE = "silence"
TTL_S = 300

Zone = dict[tuple[str, str], list[str] | str]
"""(name, type) → the records as in a zone file, or `SERVFAIL`, or `SILENCE`.

A name with any record exists; all others do not."""


class DnsServer(asyncio.DatagramProtocol):
    """`asked` counts the questions."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._names = {name for name, _ in zone}
        self._transport: asyncio.DatagramTransport
        self.asked: Counter[tuple[str, str]] = Counter()

    async def start(self) -> str:
        """Listen, and return `address:port`."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, ("127.0.0.1", 0))
        host, port = self._transport.get_extra_info("sockname")
        return f"{host}:{port}"

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked[name, kind] += 1
        records = self._zone.get((name, kind), [])
        if records == SILENCE:
            return
        response = dns.message.make_response(query, recursion_available=True)
        if records == SERVFAIL:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif isinstance(records, list) and records:
            answer = dns.rrset.from_text_list(question.name, TTL_S, "IN", kind, records)
            response.answer.append(answer)
        elif name not in self._names:
            response.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(response.to_wire(), addr)
