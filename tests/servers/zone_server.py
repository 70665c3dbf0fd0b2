"""A name server in a thread of its own, with records that a test may set.

with running_zone() as zone:
    zone.publish([("TXT", "example.org", "v=spf1 a ~all"), ("A", "example.org", "127.0.0.1")])
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from socketserver import BaseRequestHandler, ThreadingUDPServer

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

TTL_S = 1
LONGEST_STRING = 255
"""Of a TXT record (RFC 1035 §3.3.14)."""


class Zone:
    """What is published, all of it as DNSSEC would vouch for it. Other names do not exist."""

    def __init__(self) -> None:
        self.port = 0
        self._records: dict[tuple[str, str], list[str]] = {}

    @property
    def name_server(self) -> str:
        """What `send.nameservers` says to ask it."""
        return f"127.0.0.1:{self.port}"

    def publish(self, records: Iterable[tuple[str, str, str]]) -> None:
        """Set these (type, name, value). What the names had of these types is gone."""
        records = list(records)
        for kind, name, _ in records:
            self._records[name, kind] = []
        for kind, name, value in records:
            self._records[name, kind].append(_strings(value) if kind == "TXT" else value)

    def answer(self, wire: bytes) -> bytes:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        response = dns.message.make_response(query, recursion_available=True)
        response.flags |= dns.flags.AD
        if (name, kind) in self._records:
            found = self._records[name, kind]
            response.answer.append(dns.rrset.from_text(question.name, TTL_S, "IN", kind, *found))
        elif name not in {known for known, _ in self._records}:
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()


def _strings(text: str) -> str:
    pieces = [text[at : at + LONGEST_STRING] for at in range(0, len(text), LONGEST_STRING)]
    return " ".join(f'"{piece}"' for piece in pieces)


class _Question(BaseRequestHandler):
    zone: Zone

    def handle(self) -> None:
        wire, socket = self.request
        socket.sendto(self.zone.answer(wire), self.client_address)


@contextmanager
def running_zone() -> Iterator[Zone]:
    zone = Zone()
    question = type("Question", (_Question,), {"zone": zone})
    with ThreadingUDPServer(("127.0.0.1", 0), question) as server:
        zone.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield zone
        finally:
            server.shutdown()
