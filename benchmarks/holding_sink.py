"""A sink that keeps each mail for a moment before it answers, so that mails are really in flight.

`python -m benchmarks.holding_sink PORT HOLD_MS` writes a line to standard output for each
change of these, the last two words for each mail that has come:

    <connections> <held> [<recipient> <digest>]

A mail counts as taken as soon as its final dot is here, as with any server: whether the client is
still there when the answer comes makes no difference.
"""

import asyncio
import os
import sys
import zlib

import uvloop

from benchmarks.loopback import HOST
from benchmarks.own_sink import Session


class HoldingSession(Session):
    """Reads nothing behind a final dot until it has answered it."""

    hold_s = 0.0
    connections = 0
    held = 0

    def __init__(self) -> None:
        super().__init__()
        self._recipient = ""
        self._holds = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        HoldingSession.connections += 1
        super().connection_made(transport)
        _tell()

    def connection_lost(self, error: Exception | None) -> None:
        HoldingSession.connections -= 1
        _tell()

    def heard(self, command: bytes) -> None:
        if command[:8].upper() == b"RCPT TO:":
            self._recipient = command[8:].partition(b">")[0].strip(b" <").decode()

    def took(self, message: bytes) -> None:
        HoldingSession.held += 1
        self._holds = True
        _tell(self._recipient, f"{zlib.crc32(message):08x}")

    def _step(self) -> bytes | None:
        reply = None if self._holds else super()._step()
        if not self._holds or reply is None:
            return reply
        asyncio.get_running_loop().call_later(self.hold_s, self._answer, reply)
        return None

    def _answer(self, reply: bytes) -> None:
        HoldingSession.held -= 1
        self._holds = False
        _tell()
        if not self._transport.is_closing():
            self.say([reply])
            self.data_received(b"")


def _tell(*words: str) -> None:
    line = " ".join([str(HoldingSession.connections), str(HoldingSession.held), *words])
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


async def _serve(port: int, hold_ms: float) -> None:
    HoldingSession.hold_s = hold_ms / 1000
    loop = asyncio.get_running_loop()
    server = await loop.create_server(HoldingSession, HOST, port, backlog=1000)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
