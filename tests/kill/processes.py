"""Real `ekiden serve` processes to kill, and a mail server on a thread that is slow on purpose."""

import asyncio
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from secrets import randbits
from typing import Any

from free_ports import free_port

from ekiden.client import ApiUnreachable, Client
from ekiden.sink import Sink
from shared.outcome import Outcome, decode_lines
from shared.provision import add_api_key, add_domain
from shared.store import open_store
from shared.store.base import Store, list_all

DOMAIN = "example.org"
START_WITHIN_S = 20


def seeded_random() -> Random:
    """For one test; EKIDEN_TEST_SEED repeats a run."""
    seed = int(os.environ.get("EKIDEN_TEST_SEED", 0)) or randbits(32)
    print(f"EKIDEN_TEST_SEED={seed}")
    return Random(seed)


class Serve:
    """One `ekiden serve`."""

    def __init__(self, api_key: str, **options: str) -> None:
        self.port = free_port()
        self.client = Client(f"http://127.0.0.1:{self.port}", api_key)
        given = {"http_port": str(self.port), "log_level": "error", **options}
        inherited = {name: text for name, text in os.environ.items() if name[:7] != "EKIDEN_"}
        ours = {f"EKIDEN_{name.upper()}": text for name, text in given.items()}
        command = [sys.executable, "-m", "ekiden", "serve"]
        self._process = subprocess.Popen(command, env=inherited | ours)
        self.pid = self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ready(self) -> bool:
        """Wait until it answers; False if it has ended."""
        deadline = time.monotonic() + START_WITHIN_S
        while not self.ended_within(0.02):
            with suppress(ApiUnreachable):
                self.client.call("GET", "/healthz")
                return True
            assert time.monotonic() < deadline, "ekiden serve does not answer"
        return False

    def ended_within(self, seconds: float) -> bool:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return not self.alive

    def kill(self) -> None:
        """kill -9. From any thread, and also if it is dead already."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)  # not reaped before `wait`, so the pid is its own

    def bury(self) -> None:
        """After `kill`."""
        self._process.wait(10)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self._process.terminate()
        return self._process.wait(60)

    def children(self) -> list[int]:
        """The pids of the renderers that run by now."""
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        with suppress(OSError):
            return [int(pid) for pid in listed.read_text().split()]
        return []


class Ends:
    """Sees processes end that are not our children."""

    def __init__(self) -> None:
        self._open: dict[int, int] = {}

    def watch(self, pids: list[int]) -> None:
        for pid in pids:
            if pid not in self._open.values() and hasattr(os, "pidfd_open"):
                with suppress(ProcessLookupError):
                    self._open[os.pidfd_open(pid)] = pid

    def wait(self, timeout_s: float = 10) -> list[int]:
        """The pids that are still there then."""
        waiting = select.poll()
        for handle in self._open:
            waiting.register(handle, select.POLLIN)
        deadline = time.monotonic() + timeout_s
        while self._open and (left_s := deadline - time.monotonic()) > 0:
            for handle, _ in waiting.poll(left_s * 1000):
                waiting.unregister(handle)
                os.close(handle)
                del self._open[handle]
        return list(self._open.values())


@dataclass
class SlowSink:
    """A mail server that takes one mail every `pause_s`, and says so."""

    sink: Sink
    port: int
    rcpts: int = 0
    on_rcpt: Callable[[int], None] = lambda number: None
    """Called, on its thread, with how many recipients were named so far."""

    def received(self) -> dict[str, Counter[bytes]]:
        """Recipient → message → how often."""
        found: dict[str, Counter[bytes]] = {}
        for each in list(self.sink.received):
            found.setdefault(each.recipient, Counter())[each.message] += 1
        return found


@contextmanager
def slow_sink(
    pause_s: float, refuse: Callable[[str, int], str | None] = lambda recipient, seen: None
) -> Iterator[SlowSink]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def slowly(recipient: str, seen_before: int) -> str | None:
        threading.Event().wait(pause_s)
        slow.rcpts += 1
        slow.on_rcpt(slow.rcpts)
        return refuse(recipient, seen_before)

    sink = Sink(slowly, keep=100_000)
    port = asyncio.run_coroutine_threadsafe(sink.start(), loop).result()
    slow = SlowSink(sink, port)
    try:
        yield slow
    finally:
        asyncio.run_coroutine_threadsafe(sink.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def provision(store_url: str) -> str:
    """A Domain, and an API key of it."""

    async def make() -> str:
        store = open_store(store_url)
        try:
            await add_domain(store, DOMAIN, ["ed25519-sha256"], time.time())
            return await add_api_key(store, DOMAIN, "test", time.time())
        finally:
            await store.close()

    return asyncio.run(make())


def read(store_url: str, look: Callable[[Store], Any]) -> Any:
    """What `look` finds in the store."""

    async def looking() -> Any:
        store = open_store(store_url)
        try:
            return await look(store)
        finally:
            await store.close()

    return asyncio.run(looking())


async def outcomes(store: Store) -> list[Outcome]:
    """Every line that is recorded."""
    listed = [entry.key async for entry in list_all(store, "batches/")]
    parts = [key for key in listed if "/outcomes/" in key]
    return [line for key in parts for line in decode_lines((await store.get(key)).body)]


async def prefixes(store: Store) -> set[str]:
    """What there is, by the first part of the keys."""
    return {entry.key.partition("/")[0] async for entry in list_all(store, "")}
