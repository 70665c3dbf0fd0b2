"""The sink for machines without Postfix: `python -m benchmarks.own_sink PORT`.

Accepts every message and writes `mesg=<count>` to standard output, like `smtp-sink -c`. It knows
as much SMTP as a benchmark says, and nothing that protects against a bad client.
"""

import asyncio
import os
import sys
from typing import cast

import uvloop

from benchmarks.loopback import HOST

_END_OF_DATA = b"\r\n.\r\n"
_EHLO = b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
_OK = b"250 2.0.0 Ok\r\n"
_REPLIES = {
    b"EHLO": _EHLO,
    b"QUIT": b"221 2.0.0 Bye\r\n",
    b"DATA": b"354 End with <CRLF>.<CRLF>\r\n",
}


class Session(asyncio.Protocol):
    """One connection, in one of two states: reading commands, or reading a message."""

    taken = 0

    def __init__(self) -> None:
        self._buffer = b""
        self._in_message = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self.say([b"220 sink ESMTP\r\n"])

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        replies: list[bytes] = []
        while (reply := self._step()) is not None:
            replies.append(reply)
        if replies:
            self.say(replies)

    def say(self, replies: list[bytes]) -> None:
        self._transport.write(b"".join(replies))
        if replies[-1].startswith(b"221"):
            self._transport.close()

    def heard(self, command: bytes) -> None:
        """A command is here, without its CRLF."""

    def took(self, message: bytes) -> None:
        """A message is here, dots still doubled."""
        Session.taken += 1
        os.write(sys.stdout.fileno(), b"mesg=%d\r" % Session.taken)

    def _step(self) -> bytes | None:
        """The reply to what the buffer begins with; None: not all of it is there."""
        end = _END_OF_DATA if self._in_message else b"\r\n"
        begin, found, rest = self._buffer.partition(end)
        if not found:
            return None
        self._buffer = rest
        if self._in_message:
            self._in_message = False
            self.took(begin)
            return _OK
        self.heard(begin)
        verb = begin[:4].upper()
        self._in_message = verb == b"DATA"
        return _REPLIES.get(verb, _OK)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Session, HOST, port, backlog=1000)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
