"""The bucket's events as a bad network delivers them: some never, some twice, most of them late."""

import random
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DROPPED = 0.3
DOUBLED = 0.2
LONGEST_DELAY_S = 5.0


@dataclass
class Chaos:
    """What became of the events so far."""

    target: str
    rng: random.Random
    url: str = ""
    dropped: int = 0
    doubled: int = 0
    passed_on: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def meet(self, body: bytes, headers: dict[str, str]) -> None:
        """Decide what becomes of one event."""
        with self.lock:
            times = 0 if self.rng.random() < DROPPED else 1 + (self.rng.random() < DOUBLED)
            self.dropped += times == 0
            self.doubled += times == 2
            self.passed_on += times
            delays = [self.rng.uniform(0, LONGEST_DELAY_S) for _ in range(times)]
        for delay_s in delays:
            timer = threading.Timer(delay_s, self._pass_on, (body, headers))
            timer.daemon = True
            timer.start()

    def _pass_on(self, body: bytes, headers: dict[str, str]) -> None:
        with suppress(OSError):  # the receiver was killed just now: one more that is lost
            request = urllib.request.Request(self.target, body, headers)
            urllib.request.urlopen(request, timeout=60).close()


@contextmanager
def chaos_before(target: str, seed: int) -> Iterator[Chaos]:
    """A server that takes the bucket's webhook, and passes on to `target` what it likes."""
    chaos = Chaos(target, random.Random(seed))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            wanted = ("content-type", "authorization")
            chaos.meet(body, {name: self.headers[name] for name in wanted if name in self.headers})
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Not a word."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    chaos.url = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield chaos
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
