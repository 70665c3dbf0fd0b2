"""HTTP requests to servers that others name: h11 speaks, here are only the sockets.

The host is found by our own name servers, every address of it is checked, and the connection goes
to a checked address itself: so nobody can answer one thing to the check and another to the
connection. TLS and the Host header keep the name. A redirect is an answer like any other; nobody
follows it. No thread waits for a server that does not answer.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from shared.dns import DnsUnavailable, NoMail
from shared.errors import Temporary
from shared.http_url import HttpUrl

if TYPE_CHECKING:
    import h11

CONNECT_S = 5.0
"""For one of several addresses."""
_READ_BYTES = 16 * 1024
MOST_INTERIM = 20
"""Answers that announce another one (RFC 9110 §15.2): each costs us more than the server."""

Resolve = Callable[[str], Awaitable[list[str]]]
"""Host → its addresses. Raises `NoMail` if it does not exist, `DnsUnavailable`."""


class NoAnswer(Temporary):
    """There is no way to the server, or what it said is no HTTP."""


class ForbiddenAddress(NoAnswer):
    """The host is where requests must not go."""


def _anywhere(address: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Way:
    """How connections are made."""

    resolve: Resolve
    allows: Callable[[str], bool] = _anywhere
    context: ssl.SSLContext | None = None
    """Whom to trust; none given, as the system does."""
    connect_s: float = CONNECT_S


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; of several of one name, the last."""
    body: bytes
    is_whole: bool
    """The body was not longer than what was to be read."""


async def connect(way: Way, url: HttpUrl) -> "Connection":
    """To the first address that accepts. Raises `NoAnswer`; the caller bounds the time."""
    failure: OSError = OSError("it has no address")
    for address in await _checked(way, url.host):
        try:
            async with asyncio.timeout(way.connect_s):
                reader, writer = await asyncio.open_connection(
                    address,
                    url.port,
                    ssl=(way.context or _trusting_as_the_system_does()) if url.is_secure else None,
                    server_hostname=url.host if url.is_secure else None,
                )
        except OSError as error:  # TimeoutError and ssl.SSLError are such
            failure = error
        else:
            return Connection(url, reader, writer)
    why = str(failure) or "nobody accepts a connection"
    raise NoAnswer(f"{url.host}: {why}") from failure


async def _checked(way: Way, host: str) -> list[str]:
    """One address that is forbidden forbids them all: an honest host has no such mix. Which one
    it is stays unsaid: it would tell an app about names inside."""
    try:
        addresses = await way.resolve(host)
    except (NoMail, DnsUnavailable) as failure:
        raise NoAnswer(f"{host}: {failure}") from failure
    for address in addresses:
        if not way.allows(address):
            raise ForbiddenAddress(f"{host} leads where requests must not go")
    return addresses


@cache
def _trusting_as_the_system_does() -> ssl.SSLContext:
    return ssl.create_default_context()


class Connection:
    """One open connection; one request at a time."""

    def __init__(
        self, url: HttpUrl, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        import h11

        self._url = url
        self._reader = reader
        self._writer = writer
        self._h11 = h11.Connection(h11.CLIENT)
        self.heard = False
        """The server has said something since the last request began."""

    async def request(
        self,
        method: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        most_bytes: int = 64 * 1024,
    ) -> Answer:
        """Raises `NoAnswer`. Of a longer body only the first `most_bytes` are read."""
        import h11

        self.heard = False
        try:
            await self._ask(method, headers, body)
            return await self._hear(most_bytes)
        except (OSError, h11.LocalProtocolError, h11.RemoteProtocolError) as failure:
            self.close()
            why = str(failure) or "the connection ended"
            raise NoAnswer(f"{self._url.host}: {why}") from failure
        except BaseException:  # cancelled half-way: it can take no other request
            self.close()
            raise

    async def _ask(self, method: str, headers: Mapping[str, str], body: bytes) -> None:
        import h11

        head = [("Host", self._url.authority), *headers.items()]
        if body:
            head.append(("Content-Length", str(len(body))))
        request = h11.Request(method=method, target=self._url.target, headers=head)
        events = (request, h11.Data(data=body), h11.EndOfMessage())
        self._writer.write(b"".join(self._h11.send(each) or b"" for each in events))
        await self._writer.drain()

    async def _hear(self, most_bytes: int) -> Answer:
        import h11

        status, headers, body, interim = 0, {}, bytearray(), 0
        while not isinstance(event := await self._next_event(), h11.EndOfMessage):
            interim += isinstance(event, h11.InformationalResponse)
            if interim > MOST_INTERIM:
                raise h11.RemoteProtocolError("it announces an answer that never comes")
            if isinstance(event, h11.Response):
                status = event.status_code
                headers = {n.decode(): v.decode("latin-1") for n, v in event.headers}
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > most_bytes:
                    self.close()
                    return Answer(status, headers, bytes(body[:most_bytes]), is_whole=False)
        self._end_cycle()
        return Answer(status, headers, bytes(body), is_whole=True)

    async def _next_event(self) -> "h11.Event | type[h11.PAUSED]":
        import h11

        while (event := self._h11.next_event()) is h11.NEED_DATA:
            data = await self._reader.read(_READ_BYTES)
            self.heard = self.heard or bool(data)
            self._h11.receive_data(data)
        if isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
            raise h11.RemoteProtocolError("it closed the connection, or changed the protocol")
        return event  # type: ignore[return-value]  # NEED_DATA was dealt with

    def _end_cycle(self) -> None:
        import h11

        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
        else:
            self.close()

    @property
    def is_open(self) -> bool:
        """Another request may follow; the server may have closed it all the same."""
        return not self._writer.transport.is_closing() and not self._reader.at_eof()

    def close(self) -> None:
        self._writer.transport.abort()
