"""Fetching a policy file over HTTPS (RFC 8461 §3.3): one GET, one host, no redirect, no cache.

h11 speaks HTTP; here are only the sockets. So the host is found by our own name servers, the whole
fetch has one deadline, and no thread waits for a server that does not answer.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from functools import cache
from typing import TYPE_CHECKING

from shared.dns import DnsUnavailable, MxResolver, NoMail
from shared.errors import Temporary

if TYPE_CHECKING:
    import h11

MOST_BYTES = 64 * 1024  # RFC 8461 §3.3
CONNECT_S = 5.0
"""For one of several addresses."""
FETCH_S = 20.0
"""In all. RFC 8461 §3.3 suggests a minute, but mail for the domain waits meanwhile."""
PATH = "/.well-known/mta-sts.txt"

Fetch = Callable[[str], Awaitable[str]]
"""Domain → its policy file. Raises `NotFetched`."""


class NotFetched(Temporary):
    """There is no policy file, or no way to it that can be trusted."""


class HttpsFetch:
    """A `Fetch`. `context`: whom to trust; none given, as the system does."""

    def __init__(
        self,
        resolver: MxResolver,
        *,
        port: int = 443,
        context: ssl.SSLContext | None = None,
        timeout_s: float = FETCH_S,
    ) -> None:
        self._resolver = resolver
        self._port = port
        self._context = context
        self._timeout_s = timeout_s

    async def __call__(self, domain: str) -> str:
        host = f"mta-sts.{domain}"
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._fetch(host)
        except TimeoutError as late:
            raise NotFetched(f"{host}: nothing within {self._timeout_s:g} s") from late
        except (OSError, ValueError, NoMail, DnsUnavailable) as failure:  # ValueError: no UTF-8
            raise NotFetched(f"{host}: {failure}") from failure

    async def _fetch(self, host: str) -> str:
        reader, writer = await self._connect(host)
        try:
            return await _get(host, reader, writer)
        finally:
            writer.transport.abort()

    async def _connect(self, host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        failure: OSError = OSError("has no address")
        for address in await self._resolver.addresses(host):
            try:
                async with asyncio.timeout(CONNECT_S):
                    return await asyncio.open_connection(
                        address,
                        self._port,
                        ssl=self._context or _trusting_as_the_system_does(),
                        server_hostname=host,
                    )
            except OSError as error:  # TimeoutError and ssl.SSLError are such
                failure = error
        raise failure


@cache
def _trusting_as_the_system_does() -> ssl.SSLContext:
    return ssl.create_default_context()


async def _get(host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    import h11

    connection = h11.Connection(h11.CLIENT)
    headers = [("Host", host), ("User-Agent", "Ekiden"), ("Connection", "close")]
    request = h11.Request(method="GET", target=PATH, headers=headers)
    opening = connection.send(request), connection.send(h11.EndOfMessage())
    writer.write(b"".join(part or b"" for part in opening))
    body = b""
    try:
        while not isinstance(event := await _next_event(connection, reader), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                _check(event)
            elif isinstance(event, h11.Data):
                body += event.data
            if len(body) > MOST_BYTES:
                raise NotFetched(f"{host}: over {MOST_BYTES} bytes")
    except h11.RemoteProtocolError as failure:
        raise NotFetched(f"{host}: {failure}") from failure
    return body.decode()


async def _next_event(connection: "h11.Connection", reader: asyncio.StreamReader) -> object:
    import h11

    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(8192))
    return event


def _check(response: "h11.Response") -> None:
    """A redirect is no policy, nor is an error page in HTML (RFC 8461 §3.3, §3.2)."""
    if response.status_code != 200:
        raise NotFetched(f"answered {response.status_code}")
    kinds = [value for name, value in response.headers if name == b"content-type"]
    kind = b"".join(kinds).partition(b";")[0].strip().lower()
    if kind != b"text/plain":
        raise NotFetched(f"answered with {kind.decode('ascii', 'replace') or 'no content type'}")
