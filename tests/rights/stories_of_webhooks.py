"""An app is told what happened, each function with its own few rights."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from few_rights import HOUR_S, Here, Story
from station import DOMAIN
from stories_of_mail import to
from stories_of_pod import arrived, pod, report_to

from shared import keys, webhooks
from shared.webhooks import Rules, Webhook, WebhookChange

LOOSE = {"webhooks__allow_insecure": "on", "webhooks__allow_private": "on"}
RULES = Rules(allow_insecure=True, allow_private=True)


class App:
    """Answers with the status that is wanted, and keeps what it was told."""

    def __init__(self) -> None:
        self.status = 204
        self.told: list[str] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        size_bytes = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        body = await reader.readexactly(size_bytes)
        self.told.append(body.partition(b'"type":"')[2].partition(b'"')[0].decode())
        writer.write(f"HTTP/1.1 {self.status} x\r\nConnection: close\r\n\r\n".encode())
        writer.close()


@asynccontextmanager
async def app(here: Here) -> AsyncIterator[App]:
    there = App()
    server = await asyncio.start_server(there.serve, "127.0.0.1", 0)
    there.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield there
    finally:
        server.close()


async def webhook(here: Here, there: App, **wanted: str) -> Webhook:
    change = WebhookChange(url=there.url, **wanted)  # type: ignore[arg-type]
    return await webhooks.add(here.operator, DOMAIN, change, RULES, time.time())


async def an_app_is_told(here: Here) -> None:
    """When it takes it at last: an Outcome, a late bounce, mail that arrived."""
    async with app(here) as there:
        made = [await webhook(here, there), await webhook(here, there, tag="spring")]
        try:
            await _told(here, there)
        finally:
            for each in made:
                await webhooks.remove(here.operator, DOMAIN, each.id)


async def _told(here: Here, there: App) -> None:
    there.status = 500
    await here.submit(to("told", tags=["spring"]))
    for function in ("validate", "dispatch", "send"):
        await here.work(function)
    path = here.sink.received[-1].return_path
    await here.work("notify", **LOOSE)
    there.status = 204
    here.later_s = HOUR_S
    await here.sweep()
    await here.work("notify", **LOOSE)
    assert there.told == ["delivery.delivered"] * 4
    async with pod(here) as station:
        await arrived(station, path, report_to(path))
        await arrived(station, f"postmaster@{DOMAIN}", b"Subject: hello\r\n\r\nhello\r\n")
    await here.work("bounce")
    await here.work("notify", **LOOSE)
    assert sorted(there.told[4:]) == ["delivery.bounced", "delivery.bounced", "mail.received"]
    assert await here.keys(keys.NOTIFYING) == []


STORIES: list[Story] = [an_app_is_told]
