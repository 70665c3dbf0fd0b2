"""The whole stack as a context manager."""

import asyncio
import logging
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ekiden.client import Client
from infra.stack.parts import TOKEN, Ports, Settings, parts
from infra.stack.processes import Processes
from infra.stack.seaweed import running_seaweed
from shared.provision import Refused, add_api_key, add_domain
from shared.store import open_store

log = logging.getLogger("ekiden.stack")

SWEEP_EVERY_S = 5.0
"""A timer's tick; on Kubernetes a PingSource's, once a minute."""


@dataclass(frozen=True)
class Stack:
    """A running stack."""

    store_url: str
    ports: Ports
    processes: Processes
    admin_token: str

    @property
    def dashboard_url(self) -> str:
        return f"{self.ports.url('admin')}dashboard"

    def client(self, api_key: str) -> Client:
        return Client(self.ports.url("submit"), api_key)


def notification(webhook: str) -> str:
    """SeaweedFS's `notification.toml`: one webhook, for the whole filer."""
    return (
        "[notification.webhook]\n"
        "enabled = true\n"
        f'endpoint = "{webhook}"\n'
        f'bearer_token = "{TOKEN}"\n'
        'event_types = ["create"]\n'
    )


@contextmanager
def running_stack(
    folder: Path,
    options: Mapping[str, str] | None = None,
    *,
    ports: Ports | None = None,
    webhook: str = "",
    sweep_every_s: float = SWEEP_EVERY_S,
) -> Iterator[Stack]:
    """Everything up and answering. `options` (`EKIDEN_…`) are for every part.

    `webhook` is where the bucket posts its events, if not straight to the pod's receiver.
    Raises `SeaweedUnavailable`, `DidNotStart`.
    """
    ports = ports or Ports.free()
    data = folder / "bucket"
    data.mkdir(parents=True, exist_ok=True)
    with running_seaweed(data, notification(webhook or ports.receiver_url)) as bucket:
        settings = Settings(bucket.url(), ports, options or {})
        processes = Processes(parts(settings), folder)
        try:
            processes.start()
            with _timer(ports.url("sweep"), sweep_every_s):
                yield Stack(bucket.url(), ports, processes, settings.admin_token)
        finally:
            processes.stop()


@contextmanager
def _timer(url: str, every_s: float) -> Iterator[None]:
    """Calls the sweep again and again, on a thread of its own."""
    stopping = threading.Event()

    def tick() -> None:
        while not stopping.wait(every_s):
            try:
                urllib.request.urlopen(urllib.request.Request(url, b""), timeout=60).close()
            except OSError as error:
                log.warning("the sweep did not answer: %s; the next tick comes", error)

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def provision(store_url: str, domain: str) -> str:
    """An API key of the Domain, which is made if it is not there."""

    async def act() -> str:
        store = open_store(store_url)
        try:
            with suppress(Refused):  # it is there from the last time
                await add_domain(store, domain, ["rsa-sha256"], time.time())
            return await add_api_key(store, domain, "stack", time.time())
        finally:
            await store.close()

    return asyncio.run(act())
