"""The load on `track`: readers whose mail programs fetch pixels; see `crowd`."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import cast

from benchmarks.crowd import Report, serve
from benchmarks.loopback import HOST

_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass(frozen=True, slots=True)
class Load:
    """`count` requests over `sessions` kept connections, each as soon as the last is answered."""

    port: int
    paths: list[str]
    """Asked for in turn."""
    count: int
    sessions: int
    status: int
    """What is to be answered."""


class Session(asyncio.Protocol):
    """One kept connection with at most one request on its way."""

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def ask(self) -> None:
        if self._crowd.waiting:
            self._transport.write(self._crowd.waiting.popleft())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        length = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        if not found or len(body) < int(length or 0):
            return
        self._buffer = b""
        self._crowd.answered(head)
        self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        self._crowd.lost()


class Crowd:
    """All sessions, and what is still to be asked."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._status = b" %d " % load.status
        requests = [self._request(path) for path in load.paths]
        self.waiting = deque(requests[n % len(requests)] for n in range(load.count))
        self._answers = 0
        self._refused = ""
        self._done = asyncio.Event()

    def _request(self, path: str) -> bytes:
        lines = [f"GET {path} HTTP/1.1", f"host: {HOST}", f"user-agent: {_AGENT}"]
        return "\r\n".join([*lines, "x-forwarded-for: 192.0.2.1", "", ""]).encode()

    async def run(self) -> Report:
        loop, port = asyncio.get_running_loop(), self._load.port
        made = [
            await loop.create_connection(lambda: Session(self), HOST, port)
            for _ in range(self._load.sessions)
        ]
        start = time.monotonic()
        for _, session in made:
            session.ask()
        await self._done.wait()
        return Report(time.monotonic() - start, self._refused)

    def answered(self, head: bytes) -> None:
        if self._status not in head[:16]:
            self._refused = self._refused or head[:300].decode("latin-1")
        self._answers += 1
        if self._answers == self._load.count:
            self._done.set()

    def lost(self) -> None:
        """A server that closes a kept connection fails the run, and says so."""
        if not self._done.is_set():
            self._refused = self._refused or "the server closed a connection"
            self._done.set()


if __name__ == "__main__":
    serve(Load, lambda load: Crowd(load).run())
