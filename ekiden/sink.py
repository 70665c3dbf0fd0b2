"""An SMTP server that accepts or refuses as told and keeps what it gets: for demo and tests.

    python -m ekiden.sink --port 2525

It takes mail from anybody for anybody, so it listens on the loopback only, unless told otherwise.
"""

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

Refuse = Callable[[str, int], str | None]
"""(recipient, how often it was tried before) → a reply such as "450 4.2.0 greylisted", or None."""

MAX_MESSAGE_BYTES = 50 * 1024 * 1024
MAX_COMMAND_BYTES = 4096
_EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
_MAIL = re.compile(r"FROM:\s*<(.*)>(.*)", re.IGNORECASE)
_RCPT = re.compile(r"TO:\s*<(.+)>(.*)", re.IGNORECASE)
_SIZE = re.compile(r"\bSIZE=(\d{1,18})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Received:
    """One message as one recipient got it."""

    return_path: str
    recipient: str
    message: bytes


class Sink:
    """`received` holds the first `keep` messages; the counters count all."""

    def __init__(self, refuse: Refuse | None = None, keep: int = 10_000) -> None:
        self.refuse = refuse
        self.keep = keep
        self.received: list[Received] = []
        self.connections = 0
        self.accepted = 0
        self.refused = 0
        self.size_bytes = 0
        self._seen: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Transport] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen, and return the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Session(self), host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and hang up on everybody."""
        if self._server is not None:
            self._server.close()
        for transport in list(self._open):
            transport.abort()
        if self._server is not None:
            await self._server.wait_closed()

    # The sessions call these.

    def opened(self, transport: asyncio.Transport) -> None:
        self.connections += 1
        self._open.add(transport)

    def closed(self, transport: asyncio.Transport) -> None:
        self._open.discard(transport)

    def judge(self, recipient: str) -> str | None:
        """The refusal of this recipient, or None."""
        if self.refuse is None:
            return None
        before = self._seen[recipient]
        self._seen[recipient] += 1
        refusal = self.refuse(recipient, before)
        self.refused += refusal is not None
        return refusal

    def store(self, return_path: str, recipients: list[str], message: bytes) -> None:
        for recipient in recipients:
            self.accepted += 1
            self.size_bytes += len(message)
            if len(self.received) < self.keep:
                self.received.append(Received(return_path, recipient, message))


class _Session(asyncio.Protocol):
    """One connection. It is as strict about the order of commands as Postfix is."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._transport: asyncio.Transport  # from connection_made on
        self._buffer = bytearray()
        self._searched_bytes = 0
        self._in_message = False
        self._return_path: str | None = None
        self._recipients: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._sink.opened(self._transport)
        self._transport.write(b"220 sink.invalid ESMTP Ekiden sink\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self._sink.closed(self._transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answers: list[str] = []
        while not self._transport.is_closing():
            answer = self._message() if self._in_message else self._command()
            if answer is None:
                break
            answers.append(answer)
            if answer.startswith(("221", "421")):
                self._transport.write(_wire(answers))
                self._transport.close()
                return
        if answers:
            self._transport.write(_wire(answers))

    def _command(self) -> str | None:
        """Take one command out of the buffer, if it is whole, and answer it."""
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return "421 5.5.2 line too long" if len(self._buffer) > MAX_COMMAND_BYTES else None
        line = self._buffer[:end].decode("utf-8", "replace")
        del self._buffer[: end + 2]
        verb, _, rest = line.partition(" ")
        answer = _COMMANDS.get(verb.upper())
        return answer(self, rest) if answer else "500 5.5.2 unknown command"

    def _message(self) -> str | None:
        """Take the message out of the buffer, if it is whole, and keep it."""
        empty = self._buffer.startswith(b".\r\n")
        end = 0 if empty else self._buffer.find(b"\r\n.\r\n", self._searched_bytes) + 2
        if end < 2 and not empty:
            self._searched_bytes = max(0, len(self._buffer) - 4)
            too_big = len(self._buffer) > MAX_MESSAGE_BYTES
            return "421 5.3.4 message too big" if too_big else None
        message = bytes(self._buffer[:end])
        del self._buffer[: end + 3]
        if message.startswith(b"."):
            message = message[1:]
        self._sink.store(
            self._return_path or "", self._recipients, message.replace(b"\r\n..", b"\r\n.")
        )
        self._forget()
        return "250 2.0.0 kept"

    def _forget(self) -> None:
        self._in_message = False
        self._searched_bytes = 0
        self._return_path = None
        self._recipients = []

    # Commands: each takes what stands behind the verb and returns the reply.

    def _ehlo(self, rest: str) -> str:
        self._forget()
        return "\r\n".join(f"250-{line}" for line in ("sink.invalid", *_EXTENSIONS)) + (
            f"\r\n250 SIZE {MAX_MESSAGE_BYTES}"
        )

    def _helo(self, rest: str) -> str:
        self._forget()
        return "250 sink.invalid"

    def _mail(self, rest: str) -> str:
        match = _MAIL.fullmatch(rest)
        if match is None:
            return "501 5.5.4 MAIL FROM:<address> expected"
        if self._return_path is not None:
            return "503 5.5.1 nested MAIL"
        size = _SIZE.search(match[2])
        if size and int(size[1]) > MAX_MESSAGE_BYTES:
            return "552 5.3.4 message too big"
        self._return_path = match[1]
        return "250 2.1.0 ok"

    def _rcpt(self, rest: str) -> str:
        match = _RCPT.fullmatch(rest)
        if match is None:
            return "501 5.5.4 RCPT TO:<address> expected"
        if self._return_path is None:
            return "503 5.5.1 MAIL first"
        refusal = self._sink.judge(match[1])
        if refusal is None:
            self._recipients.append(match[1])
        return refusal or "250 2.1.5 ok"

    def _data(self, rest: str) -> str:
        if self._return_path is None:
            return "503 5.5.1 MAIL first"
        if not self._recipients:
            return "554 5.5.1 no valid recipients"
        self._in_message = True
        return "354 go ahead, end with a dot"

    def _rset(self, rest: str) -> str:
        self._forget()
        return "250 2.0.0 ok"

    def _noop(self, rest: str) -> str:
        return "250 2.0.0 ok"

    def _quit(self, rest: str) -> str:
        return "221 2.0.0 bye"


def _wire(answers: list[str]) -> bytes:
    return "".join(f"{answer}\r\n" for answer in answers).encode()


_COMMANDS: dict[str, Callable[[_Session, str], str]] = {
    "EHLO": _Session._ehlo,
    "HELO": _Session._helo,
    "MAIL": _Session._mail,
    "RCPT": _Session._rcpt,
    "DATA": _Session._data,
    "RSET": _Session._rset,
    "NOOP": _Session._noop,
    "QUIT": _Session._quit,
}


async def _run(host: str, port: int) -> None:
    sink = Sink(keep=0)
    print(f"listening on {host}:{await sink.start(host, port)}", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await sink.close()
        print(f"{sink.accepted} messages, {sink.size_bytes} bytes", flush=True)


def _main() -> None:
    import argparse  # not for those who only want a `Sink`

    arguments = argparse.ArgumentParser(description="an SMTP server that takes everything")
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=2525)
    chosen = arguments.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(chosen.host, chosen.port))


if __name__ == "__main__":
    _main()
