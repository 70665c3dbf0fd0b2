"""A Webhook's other end: a real HTTP(S) server on the loopback that keeps what it was told.

    async with receiver() as there:
        there.answer = lambda told: 503
        …
        await there.heard(3)

Every request's signature is checked with the library of Standard Webhooks.
"""

import asyncio
import inspect
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook as Verifier

WAIT_S = 20


@dataclass(frozen=True)
class Told:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes
    connection: int
    """Which one it came over."""

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def type(self) -> str:
        return str(self.json["type"])

    def is_signed_with(self, secret: str) -> bool:
        """By the library, whatever the time is."""
        at = datetime.fromtimestamp(int(self.headers["webhook-timestamp"]), UTC)
        signature = Verifier(secret).sign(self.id, at, self.body.decode())
        return signature in self.headers["webhook-signature"].split(" ")

    def verify(self, secret: str) -> Any:
        """As an app does: also that it is fresh. Raises when it is not."""
        return Verifier(secret).verify(self.body, self.headers)


Answer = Callable[[Told], "int | bytes | Awaitable[int | bytes]"]


def whole(status: int, *headers: str, body: str = "") -> bytes:
    """An answer, byte for byte."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers, "", body]
    return "\r\n".join(lines).encode()


@dataclass
class Receiver:
    """`answer` says what to do with a request: a status, or bytes (none: hang up)."""

    answer: Answer = field(default=lambda told: 204)
    told: list[Told] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    scheme: str = "http"
    host: str = "127.0.0.1"
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}/hook?of=us"

    @property
    def ids(self) -> list[str]:
        return [each.id for each in self.told]

    async def heard(self, count: int) -> list[Told]:
        """Return when it was told so much."""
        async with self._news:
            enough = self._news.wait_for(lambda: len(self.told) >= count)
            await asyncio.wait_for(enough, WAIT_S)
        return self.told

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        try:
            while told := await _read(reader, number):
                async with self._news:
                    self.told.append(told)
                    self._news.notify_all()
                said = self.answer(told)
                given = await said if inspect.isawaitable(said) else said
                if not given:
                    break
                writer.write(given if isinstance(given, bytes) else whole(given))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # it hung up, or the test is over
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader, number: int) -> Told | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode().strip().split("\r\n")
    named = (line.split(": ", 1) for line in lines)
    headers = {name.lower(): value for name, value in named}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Told(first.split(" ")[1], headers, body, number)


@asynccontextmanager
async def receiver(
    address: str = "127.0.0.1", port: int = 0, context: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    there = Receiver(scheme="https" if context else "http")
    server = await asyncio.start_server(there.serve, address, port, ssl=context)
    there.port = server.sockets[0].getsockname()[1]
    there.host = address
    try:
        yield there
    finally:
        server.close()
