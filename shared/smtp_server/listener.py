"""A listener: who may connect, and how it ends.

Connections are accepted here and not by asyncio's server, because a load balancer's PROXY header
comes before anything else, also before TLS.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from shared.config_listeners import Listen
from shared.errors import Malformed, Misconfigured
from shared.smtp_server.certificate import Certificate
from shared.smtp_server.door import Door
from shared.smtp_server.proxy_header import client_of, wanted
from shared.smtp_server.session import Handler, SmtpSession
from shared.smtp_server.wire import Limits, Setup, WireSMTP

log = logging.getLogger("ekiden.smtp")

BACKLOG = 512
FIRST_WORDS_S = 10.0
"""For the PROXY header, and for the TLS handshake."""
ACCEPT_AGAIN_S = 1.0
"""After there were no file descriptors left."""


@dataclass(frozen=True, slots=True)
class Port:
    """Where to listen; `number` 0 takes a free one."""

    host: str
    number: int
    is_tls: bool = False
    """TLS from the first byte (RFC 8314 §3.3), not by STARTTLS."""


class Listener:
    """Serves one handler on some ports."""

    def __init__(self, handler: Handler, hostname: str, limits: Limits, listen: Listen) -> None:
        """Raises `Misconfigured`."""
        self._handler = handler
        self._hostname = hostname
        self._limits = limits
        self._door = Door(listen.max_connections, listen.max_connections_per_address)
        self._certificate = Certificate(listen.tls_certificate, listen.tls_key, hostname)
        self._balancers = _networks(listen.proxy_networks)
        self._setup: Setup
        self._sockets: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepting: list[asyncio.Task[None]] = []
        self._sessions: set[WireSMTP] = set()
        self._empty = asyncio.Event()

    async def start(self, ports: Sequence[Port]) -> list[int]:
        """Listen; return the ports' numbers. Raises `Misconfigured`."""
        loop = asyncio.get_running_loop()
        self._setup = Setup(
            self._handler, self._hostname, self._limits, self._door, self._certificate, loop
        )
        try:
            self._sockets = [await _listening(port) for port in ports]
        except OSError as error:
            raise Misconfigured(f"cannot listen for SMTP: {error}") from error
        for sock, port in zip(self._sockets, ports, strict=True):
            self._accepting.append(loop.create_task(self._accept(sock, port.is_tls)))
        return [int(sock.getsockname()[1]) for sock in self._sockets]

    async def stop(self, patience_s: float) -> None:
        """Accept nothing more, let messages in flight finish, 421 to the others, close."""
        beginning = [*self._accepting, *self._tasks]
        for task in beginning:
            task.cancel()
        await asyncio.gather(*beginning, return_exceptions=True)
        for sock in self._sockets:
            sock.close()
        for session in list(self._sessions):
            session.shut()
        if self._sessions:
            self._empty.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), patience_s)
        left = list(self._sessions)
        for session in left:
            session.abort()
        if left:
            log.warning("%d sessions were cut off after %g s", len(left), patience_s)

    # From a connection to a session.

    async def _accept(self, sock: socket.socket, is_tls: bool) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(sock)
            except OSError as error:
                log.error("cannot accept: %s", error)
                await asyncio.sleep(ACCEPT_AGAIN_S)
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = loop.create_task(self._admit(connection, str(address[0]), is_tls))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _admit(self, connection: socket.socket, peer: str, is_tls: bool) -> None:
        """The connection becomes a session, or is closed. A refused one costs no session."""
        try:
            client = await self._client(connection, peer)
            if (refusal := self._door.enter(client)) is None:
                await self._begin(connection, client, is_tls)
                return
            log.warning("%s: %s", client, refusal)
            if not is_tls:  # in the clear it could not be read
                with contextlib.suppress(OSError):
                    connection.send(f"{refusal}\r\n".encode())  # never waits: nothing was sent yet
        except (OSError, TimeoutError, Malformed) as error:
            log.info("%s is hung up on: %s", peer, error)
        except asyncio.CancelledError:
            connection.close()
            raise
        connection.close()

    async def _client(self, connection: socket.socket, peer: str) -> str:
        """Whom the connection is from. Balancers have to say so (PROXY protocol, section 2)."""
        if not self._is_balancer(peer):
            return peer
        async with asyncio.timeout(FIRST_WORDS_S):
            header = await _proxy_header(connection)
        return client_of(header) or peer

    def _is_balancer(self, peer: str) -> bool:
        if not self._balancers:
            return False
        address = ip_address(peer.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self._balancers)

    async def _begin(self, connection: socket.socket, client: str, is_tls: bool) -> None:
        session = SmtpSession(self._setup, client, is_tls, self._ended)
        self._sessions.add(session)
        try:
            await self._setup.loop.connect_accepted_socket(
                lambda: session,
                connection,
                ssl=self._certificate.context() if is_tls else None,
                ssl_handshake_timeout=FIRST_WORDS_S if is_tls else None,
            )
        except BaseException:
            self._ended(session)
            raise

    def _ended(self, session: WireSMTP) -> None:
        if session in self._sessions:
            self._sessions.remove(session)
            self._door.leave(session.client)
            if not self._sessions:
                self._empty.set()


async def _proxy_header(connection: socket.socket) -> bytes:
    """Not a byte more is read: what follows is the client's. Raises `Malformed`."""
    loop = asyncio.get_running_loop()
    header = b""
    while (missing := wanted(header)) > 0:
        data = await loop.sock_recv(connection, missing)
        if not data:
            raise Malformed("the connection ended before its PROXY header did")
        header += data
    return header


async def _listening(port: Port) -> socket.socket:
    found = await asyncio.get_running_loop().getaddrinfo(
        port.host, port.number, type=socket.SOCK_STREAM
    )
    family, _, _, _, address = found[0]
    dual = family == socket.AF_INET6 and port.host == "::"
    sock = socket.create_server(
        address[:2],
        family=family,
        backlog=BACKLOG,
        dualstack_ipv6=dual and socket.has_dualstack_ipv6(),
    )
    sock.setblocking(False)
    return sock


def _networks(texts: Sequence[str]) -> list[IPv4Network | IPv6Network]:
    try:
        return [ip_network(text, strict=False) for text in texts]
    except ValueError as error:
        raise Misconfigured(f"listen.proxy_networks: {error}") from error
