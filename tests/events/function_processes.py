"""Every function as a real functions-framework process, over one SQLite file; and a mail server."""

import asyncio
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar

from free_ports import free_port

import functions
from ekiden.sink import Sink
from shared.store import open_store
from shared.store.base import Store, list_all

T = TypeVar("T")
START_WITHIN_S = 30
ANSWER_WITHIN_S = 20
NAMES = ("submit", "validate", "dispatch", "send", "bounce")
TOKEN = "c2VjcmV0LXRva2Vu"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Function:
    """One function in its process."""

    def __init__(self, name: str, folder: Path, **options: str) -> None:
        self.name = name
        self.port = free_port()
        self.log = folder / f"{name}-{self.port}.log"
        source = Path(functions.__path__[0], name, "main.py")
        command = [sys.executable, "-m", "functions_framework", "--asgi", "--target", name]
        command += ["--source", str(source), "--host", "127.0.0.1", "--port", str(self.port)]
        inherited = {name: text for name, text in os.environ.items() if name[:7] != "EKIDEN_"}
        given = {f"EKIDEN_{option.upper()}": text for option, text in options.items()}
        given["WORKERS"] = "1"  # of functions-framework, whatever this machine has set
        # gunicorn's control socket: two processes of one user would have the same.
        given["XDG_RUNTIME_DIR"] = mkdtemp(dir=folder)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env=inherited | given,
                cwd=folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_it_lives(self) -> None:
        deadline = time.monotonic() + START_WITHIN_S
        while self._process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError):
                assert self.ask("GET", "/healthz").status == 200
                return
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.05)  # the time between two tries, unless it ends
        raise AssertionError(f"{self.name} does not answer: {self.log.read_text()}")

    def ask(self, method: str, path: str = "/", body: bytes = b"", **headers: str) -> Answer:
        """One request. Header names are given with `_` for `-`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_WITHIN_S)
        try:
            named = {name.replace("_", "-"): text for name, text in headers.items()}
            connection.request(method, path, body or None, named)
            answer = connection.getresponse()
            found = {name.lower(): text for name, text in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def tell(self, event: bytes) -> int:
        """An event, with the token; the status of the answer."""
        return self.ask("POST", "/", event, authorization=f"Bearer {TOKEN}").status

    def terminate(self) -> None:
        """SIGTERM; return when it accepts no more connections."""
        self._process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + ANSWER_WITHIN_S
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                return
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.02)
        raise AssertionError(f"{self.name} still accepts connections")

    def exit_status(self) -> int:
        return self._process.wait(ANSWER_WITHIN_S)

    def kill(self) -> None:
        """The master and its worker, which would outlive it."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class HalfSent:
    """A request whose body is not there yet, and which the function waits for."""

    def __init__(self, function: Function, body: bytes) -> None:
        self._rest = body
        self._socket = socket.create_connection(("127.0.0.1", function.port), ANSWER_WITHIN_S)
        head = ["POST / HTTP/1.1", "host: test", f"content-length: {len(body)}"]
        head += [f"authorization: Bearer {TOKEN}", "expect: 100-continue", "", ""]
        self._socket.sendall("\r\n".join(head).encode())
        assert self._socket.recv(1000).startswith(b"HTTP/1.1 100 ")  # it reads: it is in flight

    def finish(self) -> int:
        """Send the rest; the status of the answer."""
        with self._socket:
            self._socket.sendall(self._rest)
            answer = http.client.HTTPResponse(self._socket)
            answer.begin()
            return answer.status


@dataclass
class MailServer:
    """A mail server on a thread, which can be told to stop in the middle of a mail."""

    sink: Sink
    port: int = 0
    asked: threading.Event = field(default_factory=threading.Event)
    """Somebody has named a recipient."""
    may_answer: threading.Event = field(default_factory=threading.Event)

    def recipients(self) -> list[str]:
        return sorted(each.recipient for each in self.sink.received)


@contextmanager
def mail_server() -> Iterator[MailServer]:
    def wait(_recipient: str, _seen_before: int) -> str | None:
        server.asked.set()
        server.may_answer.wait(ANSWER_WITHIN_S)
        return None

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = MailServer(Sink(wait))
    server.may_answer.set()
    server.port = asyncio.run_coroutine_threadsafe(server.sink.start(), loop).result()
    try:
        yield server
    finally:
        server.may_answer.set()
        asyncio.run_coroutine_threadsafe(server.sink.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


class Bucket:
    """The store that all functions share; open here as long as they run."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._store = open_store(url)

    def do(self, work: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
        return asyncio.run(work(self._store))

    def close(self) -> None:
        async def end(store: Store) -> None:
            await store.close()

        self.do(end)

    def put(self, key: str, body: bytes) -> None:
        async def write(store: Store) -> None:
            await store.put(key, body)

        self.do(write)

    def keys(self, *prefixes: str) -> list[str]:
        async def read(store: Store) -> list[str]:
            return [each.key for prefix in prefixes async for each in list_all(store, prefix)]

        return self.do(read)

    def body(self, key: str) -> bytes:
        async def read(store: Store) -> Any:
            return (await store.get(key)).body

        return bytes(self.do(read))
