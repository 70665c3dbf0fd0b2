"""The load: HTTP clients that submit one Recipient each. A process of its own, and a cheap one.

`python -m benchmarks.clients` reads a `Load` as JSON from standard input and prints a `Report`.
Every request is built before the first is sent.
"""

import asyncio
import json
import re
import subprocess
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import cast

import uvloop

from benchmarks import content, interface
from benchmarks.loopback import HOST
from benchmarks.row import Unmeasured

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Load:
    """`count` submits by `sessions` kept connections, as fast as they are answered, or by clock."""

    port: int
    key: str
    count: int
    sessions: int
    calls_per_s: float = 0
    """0: each session submits again as soon as it has its answer (a closed loop)."""


@dataclass(frozen=True, slots=True)
class Report:
    start: float
    """The first request, in `time.monotonic()`."""
    latencies_ms: list[float]
    """From when a call was due, so that one slow answer does not hide those queued behind it."""
    refused: str
    """The first answer that was no 202, or empty."""


def run(load: Load, timeout_s: float) -> Report:
    """Let another process make this load. Raises `Unmeasured`."""
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.clients"],
        input=json.dumps(asdict(load)),
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    if ran.returncode:
        raise Unmeasured(f"the clients failed: {ran.stderr.strip().splitlines()[-1]}")
    return Report(**json.loads(ran.stdout))


class Session(asyncio.Protocol):
    """One kept connection with at most one request on its way."""

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self._buffer = b""
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def ask(self, request: bytes, due: float) -> None:
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not found or (length and len(body) < int(length[1])):
            return
        refused = "" if b" 202 " in head[:16] else self._buffer[:300].decode()
        self._buffer = b""
        self._crowd.answered(self, time.monotonic() - self._due, refused)

    def connection_lost(self, error: Exception | None) -> None:
        self._crowd.lost()


class Crowd:
    """All sessions, and what is still to be asked."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._waiting: deque[tuple[bytes, float]] = deque()
        self._free: list[Session] = []
        self._latencies_ms: list[float] = []
        self._refused = ""
        self._done = asyncio.Event()

    async def run(self) -> Report:
        load, loop = self._load, asyncio.get_running_loop()
        requests = [
            interface.submit_bytes(load.key, interface.batch_body([recipient]))
            for recipient in content.recipients(load.count)
        ]
        start = time.monotonic()
        for _ in range(load.sessions):
            _, session = await loop.create_connection(lambda: Session(self), HOST, load.port)
            self._free.append(session)
        if load.calls_per_s:
            await self._ask_by_clock(requests)
        else:
            self._ask_at_once(requests)
        await self._done.wait()
        return Report(start, self._latencies_ms, self._refused)

    def _ask_at_once(self, requests: list[bytes]) -> None:
        # Nothing is due before a session is free: the clock starts when it is sent.
        self._waiting.extend((request, 0.0) for request in requests)
        while self._free and self._waiting:
            self._ask_next(self._free.pop())

    async def _ask_by_clock(self, requests: list[bytes]) -> None:
        begun = time.monotonic()
        for n, request in enumerate(requests):
            due = begun + n / self._load.calls_per_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self._waiting.append((request, due))
            if self._free:
                self._ask_next(self._free.pop())

    def _ask_next(self, session: Session) -> None:
        request, due = self._waiting.popleft()
        session.ask(request, due or time.monotonic())

    def answered(self, session: Session, latency_s: float, refused: str) -> None:
        self._latencies_ms.append(latency_s * 1000)
        self._refused = self._refused or refused
        if self._waiting:
            self._ask_next(session)
        else:
            self._free.append(session)
        if len(self._latencies_ms) == self._load.count:
            self._done.set()

    def lost(self) -> None:
        """A server that closes a kept connection fails the run, and says so."""
        if not self._done.is_set():
            self._refused = self._refused or "the server closed a connection"
            self._done.set()


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(Crowd(Load(**json.load(sys.stdin))).run()))))
