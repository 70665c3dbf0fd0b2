"""An app that hears what its Webhook is told, over the real `notify` and a real socket.

async with hearing_app(store, DOMAIN, clock) as app:
    …                                  something is announced
    await app.hear()                   all that lies under notifying/ is told, and gone
    assert app.ids == […]
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from functions.notify import assemble
from shared import config, keys, webhooks
from shared.stage import Wake, run
from shared.store.base import Store, list_all
from shared.webhooks import WebhookChange

LOOSE = {"webhooks.allow_insecure": "on", "webhooks.allow_private": "on"}


@dataclass
class App:
    """One Webhook's other end, which takes everything."""

    store: Store
    clock: Callable[[], float]
    told: list[tuple[str, bytes]] = field(default_factory=list)
    """(message id, body) of each POST."""

    @property
    def bodies(self) -> dict[str, set[bytes]]:
        """Message id → what was said under it."""
        found: dict[str, set[bytes]] = {}
        for name, body in self.told:
            found.setdefault(name, set()).add(body)
        return found

    @property
    def events(self) -> list[tuple[str, Any]]:
        """(type, data) of each message, once for each id, sorted."""
        last = [json.loads(body) for body in dict(self.told).values()]
        return sorted(((each["type"], each["data"]) for each in last), key=repr)

    async def hear(self) -> None:
        """As a new process would tell it."""
        settings = config.load(environ={}, flags=LOOSE)
        stage, endpoints = assemble.stage(settings, self.store, None, self.clock, self.clock)
        for key in [entry.key async for entry in list_all(self.store, keys.NOTIFYING)]:
            await run(stage, self.store, self.clock, Wake(key))
        endpoints.close()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        fields = dict(line.split(": ", 1) for line in head.strip().split("\r\n")[1:])
        body = await reader.readexactly(int(fields["content-length"]))
        self.told.append((fields["webhook-id"], body))
        writer.write(b"HTTP/1.1 204 Taken\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def hearing_app(store: Store, domain: str, clock: Callable[[], float]) -> AsyncIterator[App]:
    """A Webhook of this Domain that hears everything."""
    app = App(store, clock)
    server = await asyncio.start_server(app.take, "127.0.0.1", 0)
    change = WebhookChange(url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    rules = webhooks.Rules(allow_insecure=True, allow_private=True)
    await webhooks.add(store, domain, change, rules, clock())
    try:
        yield app
    finally:
        server.close()
