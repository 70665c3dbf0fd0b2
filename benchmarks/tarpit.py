"""A mail server that lets everybody wait: `python -m benchmarks.tarpit PORT`.

It greets, and answers each command, after ten seconds.
"""

import asyncio
import sys

import uvloop

from benchmarks.loopback import HOST
from benchmarks.own_sink import Session

REPLY_S = 10.0


class SlowSession(Session):
    """Says everything ten seconds later than the word before it."""

    _free_at = 0.0

    def say(self, replies: list[bytes]) -> None:
        loop = asyncio.get_running_loop()
        for reply in replies:
            self._free_at = max(self._free_at, loop.time()) + REPLY_S
            loop.call_at(self._free_at, self._say_now, reply)

    def _say_now(self, reply: bytes) -> None:
        if not self._transport.is_closing():
            super().say([reply])

    def took(self, message: bytes) -> None:
        """Nobody counts these."""


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(SlowSession, HOST, port, backlog=1000)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
