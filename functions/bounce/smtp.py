"""The SMTP face of bounce: port 25, where reports, complaints and mail for Domains arrive.

It takes mail for addresses that are ours and refuses the rest at RCPT: no open relay, and nothing
is accepted that would have to be bounced later (backscatter). A mail is in `inbound/` before 250.
A crash before the put: the client got no 250 and comes again. A crash after it, before the reply:
the mail comes twice, and both are read alike.
"""

import logging
import socket
from collections.abc import Callable
from typing import Protocol

from shared import keys
from shared.address import domain_of, normal, normal_domain
from shared.config import Config
from shared.domains import Directory
from shared.errors import NotFound
from shared.ids import batch_id
from shared.inbound import Inbound, encode
from shared.inbound_addresses import InboundAddresses
from shared.smtp_server.listener import Listener, Port
from shared.smtp_server.session import Handler
from shared.smtp_server.trace import Arrival, protocol_of, received
from shared.smtp_server.wire import Envelope, Limits, Session
from shared.stage import Clock, Wake, wake
from shared.store.base import Store

log = logging.getLogger("ekiden.inbound")

MAX_LINE_BYTES = 16 * 1024
"""Far above RFC 5321 §4.5.3.1.6: a report is read here, not passed on; a refused one is lost."""


class Server(Protocol):
    """What the hooks need of the session that calls them."""

    hostname: str


class InboundHandler(Handler):
    """What port 25 does at each step of a session; one for all of them."""

    def __init__(
        self,
        listener: "InboundListener",
        addresses: InboundAddresses,
        directory: Directory,
        max_recipients: int,
    ) -> None:
        self._put = listener.put
        self._addresses = addresses
        self._directory = directory
        self._max_recipients = max_recipients

    async def handle_MAIL(
        self, server: Server, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address and normal(address) is None:
            return "553 5.1.7 the sender is no mail address"
        envelope.mail_from = address
        return "250 2.1.0 ok"

    async def handle_RCPT(
        self, server: Server, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if await self._addresses.accepts(address) is None:
            return await self._refusal(address)
        if len(envelope.rcpt_tos) >= self._max_recipients:
            return f"452 4.5.3 at most {self._max_recipients} Recipients"
        if address not in envelope.rcpt_tos:
            envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def _refusal(self, address: str) -> str:
        domain = normal_domain(domain_of(address))
        try:
            if domain:  # or it could be no part of a key
                await self._directory.domain(domain)
                return "550 5.1.1 no such address here"
        except NotFound:
            pass
        return "550 5.7.1 relaying denied"

    async def handle_DATA(self, server: Server, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        assert envelope.mail_from is not None
        inbound = Inbound(envelope.mail_from, envelope.rcpt_tos, envelope.content)
        protocol = protocol_of(session.extended_smtp, session.is_tls, envelope.smtp_utf8)
        arrival = Arrival(session.client, session.host_name or "", server.hostname, protocol)
        return f"250 2.0.0 kept as {await self._put(inbound, arrival)}"


class InboundListener:
    """Listens on 25, or what the configuration says."""

    def __init__(
        self,
        store: Store,
        addresses: InboundAddresses,
        config: Config,
        clock: Clock,
        entropy: Callable[[], bytes],
        waker: Callable[[Wake], None],
    ) -> None:
        """`entropy` gives 10 bytes. Raises `Misconfigured`."""
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._wake = waker
        self._port = Port(config.inbound.host, config.inbound.port)
        limits = Limits(
            max_message_bytes=config.inbound.max_payload,
            max_line_bytes=MAX_LINE_BYTES,
            max_errors=config.listen.max_errors,
            idle_timeout_s=config.inbound.read_timeout,
        )
        directory = Directory(store, clock)
        handler = InboundHandler(self, addresses, directory, config.inbound.max_recipients)
        hostname = config.send.hostname or socket.getfqdn()
        self._listener = Listener(handler, hostname, limits, config.listen)

    async def start(self) -> list[int]:
        """Listen; return the port. Raises `Misconfigured`."""
        return await self._listener.start([self._port])

    async def stop(self, patience_s: float) -> None:
        await self._listener.stop(patience_s)

    async def put(self, inbound: Inbound, arrival: Arrival) -> str:
        """Store a mail under a new id, which is returned. Raises `Temporary`."""
        at = self._clock()
        inbound_id = batch_id(at, self._entropy())
        trace = received(arrival, inbound_id, at)
        body = encode(Inbound(inbound.sender, inbound.recipients, trace + inbound.message))
        key = keys.inbound(inbound_id)
        await self._store.create(key, body)
        log.info("%s is from %s", key, arrival.client)
        self._wake(wake(key, body))
        return inbound_id
