"""A submission listener over a store in memory that can be switched off.

async def told(here: Here) -> None:
    client = await here.client()

with_desk(told)
"""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from desk import DOMAIN, NOW, Desk
from free_ports import free_port
from smtp_desk import HOST, Away, Client, story

from functions.submit.smtp import SubmissionListener
from shared import config
from shared.codec import unpack
from shared.model import Content, Submitted
from shared.stage import Wake
from shared.store.base import list_all
from shared.store.memory import MemoryStore


def settings(**options: str) -> config.Config:
    given = {
        "submission.host": HOST,
        "submission.port": str(free_port()),
        "submission.tls_port": str(free_port()),
        "submission.login_delay": "1ms",
        "send.hostname": "mx.example",
    }
    given |= {name.replace("__", "."): value for name, value in options.items()}
    return config.load(environ={}, flags=given)


class Here:
    """A listener, and the desk behind it."""

    def __init__(self, desk: Desk, store: Away, settings: config.Config) -> None:
        self.desk = desk
        self.store = store
        self.first = asyncio.Event()
        """Something has been accepted."""
        self.listener = SubmissionListener(desk.core, settings, self._woken)
        self.port = settings.submission.port
        self.tls_port = settings.submission.tls_port

    def _woken(self, wake: Wake) -> None:
        self.desk.woken.append(wake)
        self.first.set()

    async def client(self, domain: str = DOMAIN) -> Client:
        """One that has logged in."""
        client = await Client.greeted(self.tls_port, is_tls=True)
        assert await client.says(f"AUTH PLAIN {plain(domain, self.desk.api_key)}") == (
            "235 2.7.0 logged in"
        )
        return client

    async def work(self) -> list[str]:
        found = [entry.key async for entry in list_all(self.desk.store, "")]
        return [key for key in found if not key.startswith("domains/")]

    async def stored(self) -> Content:
        """The one Batch that there is."""
        return (await self.submitted()).content

    async def submitted(self) -> Submitted:
        [key] = await self.work()
        body = (await self.desk.store.get(key)).body
        return msgspec.json.decode(unpack(body), type=Submitted)


def plain(user: str, password: str, acts_as: str = "") -> str:
    return b64(f"{acts_as}\0{user}\0{password}")


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def with_desk(told: Any, **options: str) -> None:
    """Tell a story that needs a desk, which has to be there before the loop."""
    store = Away(MemoryStore(lambda: NOW))
    desk = Desk(store=store)

    @asynccontextmanager
    async def listening() -> AsyncIterator[Here]:
        here = Here(desk, store, settings(**options))
        await here.listener.start()
        try:
            yield here
        finally:
            store.is_away = False
            await here.listener.stop(0.1)

    async def whole() -> None:
        async with listening() as here:
            await told(here)

    story(whole)
