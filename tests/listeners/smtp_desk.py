"""Listeners on the loopback, and a client that sends exactly the bytes it is told to.

async with listening(Keeping()) as (port, handler):
    client = await Client.of(port)
    assert await client.says("NOOP") == "250 2.0.0 OK"
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from shared.config_listeners import Listen
from shared.errors import StoreUnavailable
from shared.smtp_server.listener import Listener, Port
from shared.smtp_server.session import Handler
from shared.smtp_server.wire import Limits
from shared.store.wrap import Wrapper

WAIT_S = 20
"""How long a test waits for what comes at once, before it fails."""
HOST = "127.0.0.1"
LIMITS = Limits(max_message_bytes=100_000, max_line_bytes=998, max_errors=20, idle_timeout_s=60)
MESSAGE = b"From: news@example.org\r\nSubject: Hello\r\n\r\nDear Ann,\r\nthis is it.\r\n"


def story(told: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run an async story to its end, or fail when it hangs."""
    asyncio.run(asyncio.wait_for(told(), 2 * WAIT_S))


class Keeping(Handler):
    """Takes everything, and keeps it. `gate`, if there is one, holds back the reply to DATA."""

    def __init__(self, gate: asyncio.Event | None = None) -> None:
        self.kept: list[tuple[str, list[str], bytes]] = []
        self.clients: list[str] = []
        self.gate = gate
        self.storing = asyncio.Event()

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address.startswith("nobody@"):
            return "550 5.1.1 nobody"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        self.storing.set()
        if self.gate:
            await self.gate.wait()
        self.kept.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        self.clients.append(session.client)
        return "250 2.0.0 kept"


@asynccontextmanager
async def listening(
    handler: Keeping, is_tls: bool = False, listen: Listen | None = None, **limits: Any
) -> AsyncIterator[tuple[int, Listener]]:
    bounds = replace(LIMITS, **limits)
    listener = Listener(handler, "mx.example", bounds, listen or Listen())
    [port] = await listener.start([Port(HOST, 0, is_tls)])
    try:
        yield port, listener
    finally:
        await listener.stop(0.1)


def trusting() -> ssl.SSLContext:
    """Takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Away(Wrapper):
    """A store that can be switched off."""

    is_away = False

    async def _pass_on(self, op: str, key: str, call: Any) -> Any:
        if self.is_away:
            raise StoreUnavailable(f"{op}: nobody answers\r\n250 ok")
        return await call()


class Client:
    """Speaks SMTP byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def of(cls, port: int, first: bytes = b"", is_tls: bool = False) -> "Client":
        """Connect, send `first`, and read the greeting."""
        context = trusting() if is_tls else None
        client = cls(*await asyncio.open_connection(HOST, port, ssl=context))
        if first:
            client.send(first)
        return client

    @classmethod
    async def greeted(cls, port: int, is_tls: bool = False) -> "Client":
        """One that has said EHLO."""
        client = await cls.of(port, is_tls=is_tls)
        assert (await client.reply())[:3] == "220"
        assert (await client.says("EHLO client.example"))[:3] == "250"
        return client

    def send(self, *packets: bytes) -> None:
        self.writer.writelines(packets)

    async def packets(self, *packets: bytes) -> None:
        """Send each in a packet of its own, as far as anybody can tell."""
        for packet in packets:
            self.writer.write(packet)
            for _ in range(10):  # turns of the loop, in which the server reads it
                await asyncio.sleep(0)

    async def lines(self) -> list[str]:
        """The lines of one reply."""
        lines: list[str] = []
        while not lines or lines[-1][3:4] == "-":
            line = await asyncio.wait_for(self.reader.readline(), WAIT_S)
            assert line.endswith(b"\r\n"), f"the server hung up: {line!r}"
            lines.append(line.decode("ascii").removesuffix("\r\n"))
        return lines

    async def reply(self) -> str:
        """The last line of one reply."""
        return (await self.lines())[-1]

    async def replies(self, count: int) -> list[str]:
        return [await self.reply() for _ in range(count)]

    async def says(self, command: str) -> str:
        self.send(command.encode() + b"\r\n")
        return await self.reply()

    async def until_data(self, to: str = "ann@sink.example") -> None:
        """Everything up to 354."""
        assert (await self.says("MAIL FROM:<news@example.org>"))[:3] == "250"
        assert (await self.says(f"RCPT TO:<{to}>"))[:3] == "250"
        assert (await self.says("DATA"))[:3] == "354"

    async def starts_tls(self) -> None:
        assert (await self.says("STARTTLS"))[:3] == "220"
        await self.writer.start_tls(trusting())

    async def rest(self) -> bytes:
        """All that comes until the server hangs up."""
        return await asyncio.wait_for(self.reader.read(), WAIT_S)

    async def is_hung_up_on(self) -> bool:
        return await self.rest() == b""

    def close(self) -> None:
        self.writer.close()
