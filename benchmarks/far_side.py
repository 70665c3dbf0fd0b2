"""Many destinations on one machine: a name server, and their mail servers, some of them slow.

`python -m benchmarks.far_side NAME_PORT SMTP_PORT SLOW AWAITED`: the domains `d0000.example` … each
have a mail exchanger with an address of its own in 127.0.0.0/8. Of every ten, one answers each
command after ten seconds, until there are SLOW of these. Prints `ready`; and, when the quick ones
have taken AWAITED mails, the seconds since the first question to the name server.
"""

import asyncio
import sys
from typing import Any, cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import uvloop

from benchmarks.loopback import HOST
from benchmarks.own_sink import Session
from benchmarks.tarpit import SlowSession

EVERY = 10
"""One in so many is slow."""
_TTL_S = 300
_BACKLOG = 2000
_SLOW_NETWORK, _QUICK_NETWORK = "127.2", "127.1"


def is_slow(place: int, slow: int) -> bool:
    return place % EVERY == 0 and place // EVERY < slow


def domain(place: int) -> str:
    return f"d{place:04d}.example"


def _address(place: int, slow: int) -> str:
    network = _SLOW_NETWORK if is_slow(place, slow) else _QUICK_NETWORK
    return f"{network}.{place // 250}.{place % 250 + 1}"


class Watch:
    """When the first question came, and when the last awaited mail did."""

    def __init__(self, awaited: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._began_at = 0.0
        self._taken = 0
        self._awaited = awaited
        self.done: asyncio.Future[float] = self._loop.create_future()

    def asked(self) -> None:
        self._began_at = self._began_at or self._loop.time()

    def taken(self) -> None:
        self._taken += 1
        if self._taken == self._awaited:
            self.done.set_result(self._loop.time() - self._began_at)


class NameServer(asyncio.DatagramProtocol):
    """Knows one MX per domain, one A per MX, and nothing else."""

    def __init__(self, slow: int, watch: Watch) -> None:
        self._slow = slow
        self._watch = watch

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._watch.asked()
        query = dns.message.from_wire(data)
        response = dns.message.make_response(query, recursion_available=True)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        records = self._records(name, dns.rdatatype.to_text(question.rdtype))
        if records is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif records:
            kind = dns.rdatatype.to_text(question.rdtype)
            found = dns.rrset.from_text_list(question.name, _TTL_S, "IN", kind, records)
            response.answer.append(found)
        self._transport.sendto(response.to_wire(), addr)

    def _records(self, name: str, kind: str) -> list[str] | None:
        """Empty: there is such a name, without these; None: there is no such name."""
        first, _, rest = name.partition(".")
        if kind == "MX" and rest == "example":
            return [f"10 mx.{name}."]
        if first == "mx":
            return [_address(int(rest[1:5]), self._slow)] if kind == "A" else []
        return None


class QuickSession(Session):
    """Tells each mail that it has taken."""

    watch: Watch

    def took(self, message: bytes) -> None:
        """A mail, whole."""
        self.watch.taken()


class AnySession(asyncio.Protocol):
    """Becomes one of the two, by the address that the client has chosen."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connection = cast("asyncio.Transport", transport)
        address = connection.get_extra_info("sockname")[0]
        session = {_SLOW_NETWORK: SlowSession, _QUICK_NETWORK: QuickSession}.get(address[:5])
        if session is None:
            connection.abort()
            return
        connection.set_protocol(session())
        connection.get_protocol().connection_made(connection)


async def _serve(name_port: int, smtp_port: int, slow: int, awaited: int) -> None:
    loop = asyncio.get_running_loop()
    watch = QuickSession.watch = Watch(awaited)
    await loop.create_datagram_endpoint(
        lambda: NameServer(slow, watch), local_addr=(HOST, name_port)
    )
    # All of 127.0.0.0/8 can only be listened on so; what comes from outside is hung up on.
    await loop.create_server(AnySession, "0.0.0.0", smtp_port, backlog=_BACKLOG)
    print("ready", flush=True)
    print(await watch.done, flush=True)


if __name__ == "__main__":
    uvloop.run(_serve(*map(int, sys.argv[1:])))
