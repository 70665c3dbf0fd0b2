"""One check over a scene, and servers that behave badly."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from dns_server import DnsServer, Zone

from ekiden.doctor.checks import CHECKS
from ekiden.doctor.examine import examine
from ekiden.doctor.finding import Finding, Scene
from shared.config import load
from shared.store import open_store
from shared.store.base import Store

Prepare = Callable[[Store], Awaitable[Any]]


def check(
    name: str,
    url: str = "memory:",
    *,
    prepare: Prepare | None = None,
    zone: Zone | None = None,
    clock: Callable[[], float] = time.time,
    smtp: str = "",
    timeout_s: float = 0,
    **options: str,
) -> list[Finding]:
    """What the check says, after `prepare` has filled the store. `zone` is what DNS knows; options
    are written with __ for the dot."""

    async def run() -> list[Finding]:
        dns = DnsServer({} if zone is None else zone)
        flags = {name.replace("__", "."): value for name, value in options.items()}
        flags.setdefault("send.nameservers", await dns.start())
        store = open_store(url)
        try:
            if prepare is not None:
                await prepare(store)
            config = load(None, {}, {"store.url": url, **flags})
            return await one(name, Scene(config, store, clock, smtp), timeout_s)
        finally:
            await store.close()
            dns.close()

    return asyncio.run(run())


async def one(name: str, scene: Scene, timeout_s: float = 0) -> list[Finding]:
    found = next(each for each in CHECKS if each.name == name)
    alone = replace(found, after="", timeout_s=timeout_s or found.timeout_s)
    return (await examine(scene, [alone]))[0].findings


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


@contextmanager
def web_server(status: int = 200, body: bytes = b"", date: str | None = None) -> Iterator[str]:
    """Its URL. It answers every GET so; `date` is its clock, "" for none."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.server.asked.append(self.path)  # type: ignore[attr-defined]
            self.send_response_only(status)
            if date != "":
                self.send_header("Date", date or self.date_time_string())
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.asked = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
