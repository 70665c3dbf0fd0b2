"""Posting events to functions: many at once, on connections that are kept, without threads.

h11 speaks HTTP/1.1 (RFC 9112); here are only the sockets.
"""

import asyncio
import ssl
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

import h11

from shared.errors import Temporary

CONNECT_S = 10.0
REPLY_S = 610.0
"""Knative lets a function take 600 s at most; a cold start is within that."""
IDLE_S = 30.0
"""Servers close idle connections after a minute or so: better not to find them closed."""


MOST_REPLY_BYTES = 64 * 1024
"""An answer is its status: a longer one is not read to its end."""
BODY_S = 5.0
"""What follows the status is only waited for to keep the connection."""


class NoReply(Temporary):
    """No answer came: the function may have done the work, or not."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a function answered."""

    status: int
    retry_after: str = ""


class Place(NamedTuple):
    """Where a URL leads."""

    host: str
    port: int
    tls: bool


class Poster:
    """Posts JSON. `token` is what the functions want to see (`events.token`)."""

    def __init__(self, token: str = "", reply_s: float = REPLY_S) -> None:
        self._token = token
        self._reply_s = reply_s
        self._idle: dict[Place, list[_Line]] = defaultdict(list)

    async def post(self, url: str, body: bytes) -> Reply:
        """Raises `NoReply`."""
        place, request = _prepare(url, self._token, len(body))
        try:
            async with asyncio.timeout(self._reply_s):
                return await self._post(place, request, body)
        except TimeoutError as late:
            raise NoReply(f"{url} did not answer in time") from late
        except (OSError, EOFError, h11.ProtocolError) as error:
            raise NoReply(f"{url} does not answer: {error}") from error

    async def _post(self, place: Place, request: h11.Request, body: bytes) -> Reply:
        line = self._kept(place)
        if line:
            try:
                return await self._ask(place, line, request, body)
            except (OSError, EOFError, h11.RemoteProtocolError):
                pass  # it was closed while it was idle; and an event may come twice
        line = await _Line.open(place)
        return await self._ask(place, line, request, body)

    async def _ask(self, place: Place, line: "_Line", request: h11.Request, body: bytes) -> Reply:
        try:
            reply = await line.ask(request, body)
        except BaseException:
            line.close()
            raise
        if line.can_be_kept():
            self._idle[place].append(line)
        else:
            line.close()
        return reply

    def _kept(self, place: Place) -> "_Line | None":
        now = asyncio.get_running_loop().time()
        lines = self._idle[place]
        while lines and now - lines[0].used_at > IDLE_S:
            lines.pop(0).close()
        return lines.pop() if lines else None

    def close(self) -> None:
        for lines in self._idle.values():
            for line in lines:
                line.close()
        self._idle.clear()


class _Line:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)
        self.used_at = 0.0
        self._heard_bytes = 0

    @classmethod
    async def open(cls, place: Place) -> "_Line":
        async with asyncio.timeout(CONNECT_S):
            tls = _trusting_as_the_system_does() if place.tls else None
            return cls(*await asyncio.open_connection(place.host, place.port, ssl=tls))

    async def ask(self, request: h11.Request, body: bytes) -> Reply:
        """Raises OSError, EOFError, `h11.ProtocolError`."""
        parts = (request, h11.Data(data=body), h11.EndOfMessage())
        self._writer.write(b"".join(self._http.send(part) or b"" for part in parts))
        self._heard_bytes = 0
        while not isinstance(event := await self._next_event(), h11.Response):
            if self._heard_bytes > MOST_REPLY_BYTES or isinstance(event, h11.EndOfMessage):
                raise EOFError("it does not come to an answer")
        found = dict(event.headers)
        await self._hear_out()
        self.used_at = asyncio.get_running_loop().time()
        return Reply(event.status_code, found.get(b"retry-after", b"").decode("latin-1"))

    async def _hear_out(self) -> None:
        """Read the rest of the answer, within bounds; beyond them the connection is not kept."""
        with suppress(TimeoutError):
            async with asyncio.timeout(BODY_S):
                while self._heard_bytes <= MOST_REPLY_BYTES:
                    if isinstance(await self._next_event(), h11.EndOfMessage):
                        return

    async def _next_event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            data = await self._reader.read(8192)
            self._heard_bytes += len(data)
            if not data and self._http.their_state is h11.SEND_RESPONSE:
                raise EOFError("it closed the connection")
            self._http.receive_data(data)
        return event

    def can_be_kept(self) -> bool:
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return not self._reader.at_eof()

    def close(self) -> None:
        self._writer.transport.abort()


def _prepare(url: str, token: str, size_bytes: int) -> tuple[Place, h11.Request]:
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    headers = [
        ("Host", parts.netloc.rpartition("@")[2]),
        ("Content-Type", "application/json"),
        ("Content-Length", str(size_bytes)),
        ("User-Agent", "Ekiden"),
    ]
    if token:
        headers.append(("Authorization", f"Bearer {token}"))
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    place = Place(parts.hostname or "", parts.port or (443 if tls else 80), tls)
    return place, h11.Request(method="POST", target=target, headers=headers)


@cache
def _trusting_as_the_system_does() -> ssl.SSLContext:
    return ssl.create_default_context()
