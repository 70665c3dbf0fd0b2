"""SMTP clients that hand mails over to a submission listener. See `crowd`.

Each client connects, does STARTTLS, logs in if the load says who, and hands over one mail after
the other, command by command as `smtp-source` does. The clock begins when all of them are in.
"""

import asyncio
import base64
import ssl
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from benchmarks import content
from benchmarks.crowd import Report, serve
from benchmarks.loopback import HOST

BODY_BYTES = 5120
_LINE = b"A line of a mail that says little, and is as long as lines are.\r\n"


@dataclass(frozen=True, slots=True)
class Load:
    """`count` mails by `clients` connections; with a user, they log in."""

    port: int
    count: int
    clients: int
    user: str = ""
    password: str = ""


class Refused(Exception):
    """The server said something else than hoped for; the text is what."""


class Client(asyncio.Protocol):
    """One connection: says something, and waits for the answer."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._answer: asyncio.Future[bytes] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        last = self._buffer[self._buffer.rfind(b"\n", 0, -1) + 1 :]
        if last.endswith(b"\n") and last[3:4] == b" " and not self._answer.done():
            self._answer.set_result(self._buffer)
            self._buffer = b""

    def connection_lost(self, error: Exception | None) -> None:
        if not self._answer.done():
            self._answer.set_exception(Refused("the server closed the connection"))

    async def expect(self, code: bytes) -> None:
        """The next answer has to begin so."""
        answer = await self._answer
        self._answer = self._loop.create_future()
        if not answer.startswith(code):
            raise Refused(answer.decode(errors="replace"))

    async def say(self, words: bytes, code: bytes = b"250") -> None:
        self._transport.write(words)
        await self.expect(code)

    async def open(self, load: Load, context: ssl.SSLContext) -> None:
        """Until mails may come."""
        await self.expect(b"220")
        await self.say(b"EHLO client.example.org\r\n")
        await self.say(b"STARTTLS\r\n", b"220")
        encrypted = await self._loop.start_tls(self._transport, self, context, server_hostname=HOST)
        assert encrypted is not None
        self._transport = encrypted
        await self.say(b"EHLO client.example.org\r\n")
        if load.user:
            secret = base64.b64encode(f"\0{load.user}\0{load.password}".encode())
            await self.say(b"AUTH PLAIN " + secret + b"\r\n", b"235")

    async def hand_over(self, mails: deque[tuple[bytes, bytes]]) -> None:
        sender = f"MAIL FROM:<{content.SENDER}>\r\n".encode()
        while mails:
            recipient, message = mails.popleft()
            await self.say(sender)
            await self.say(b"RCPT TO:<" + recipient + b">\r\n")
            await self.say(b"DATA\r\n", b"354")
            await self.say(message)

    def close(self) -> None:
        self._transport.close()


def _mails(count: int) -> Iterator[tuple[bytes, bytes]]:
    """(recipient, message with its final dot), each unlike the others."""
    body = (_LINE * (BODY_BYTES // len(_LINE) + 1))[: BODY_BYTES - 2] + b"\r\n.\r\n"
    for n in range(count):
        recipient = f"reader-{n}@example.net".encode()
        head = {
            b"From": content.SENDER.encode(),
            b"To": recipient,
            b"Subject": b"Hello",
            b"Date": b"Sat, 21 Nov 2026 12:00:00 +0000",
            b"Message-ID": b"<%d@example.org>" % n,
        }
        lines = b"".join(name + b": " + text + b"\r\n" for name, text in head.items())
        yield recipient, lines + b"\r\n" + body


async def _run(load: Load) -> Report:
    loop = asyncio.get_running_loop()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    mails = deque(_mails(load.count))
    clients = [
        (await loop.create_connection(Client, HOST, load.port))[1] for _ in range(load.clients)
    ]
    try:
        await asyncio.gather(*(client.open(load, context) for client in clients))
        start = time.monotonic()
        await asyncio.gather(*(client.hand_over(mails) for client in clients))
        return Report(time.monotonic() - start, "")
    except Refused as refused:
        return Report(0, str(refused).strip())
    finally:
        for client in clients:
            client.close()


if __name__ == "__main__":
    serve(Load, _run)
