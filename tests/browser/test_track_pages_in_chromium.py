"""A reader follows a tracked link, and unsubscribes by the button, in a real browser.

`track` answers over HTTP on the loopback, with the pages and headers that readers get.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from chromium import running_chromium
from mail_pages import BATCH, NOW

from ekiden.asgi import application, at_most
from functions.track.face import TrackFace
from functions.track.recorder import Recorder
from shared import feedback, keys, tracking_keys
from shared.http import Request, Response
from shared.ids import delivery_id
from shared.outcome import Outcome, State, encode_lines
from shared.provision import add_domain
from shared.store.base import Store, list_all
from shared.store.memory import MemoryStore
from shared.tracking import Level
from shared.tracking_tokens import CLICK, UNSUBSCRIBE, Signer

DOMAIN = "example.org"
DELIVERY = delivery_id(BATCH, 0, 7)


@dataclass
class Track:
    """track, the shop that its links lead to, and what they were asked."""

    store: Store
    signer: Signer
    face: TrackFace
    url: str = ""
    visits: list[str] = field(default_factory=list)

    def page(self, kind: str, url: str = "") -> str:
        return f"{self.url}/{kind}/{self.signer.token(kind, Level.FULL, DELIVERY, url)}"

    async def handle(self, request: Request) -> Response:
        if self.face.answers(request.path):
            return await self.face.handle(request)
        self.visits.append(f"{request.path}?{request.query}")
        return Response(200, b"<title>Shop</title>", {"content-type": "text/html"})

    async def kinds(self) -> list[str]:
        found = [each.key async for each in list_all(self.store, "events/")]
        bodies = [(await self.store.get(key)).body for key in found]
        return [event.kind for body in bodies for event in feedback.decode_lines(body)]


async def _made() -> Track:
    store = MemoryStore(lambda: NOW)
    await add_domain(store, DOMAIN, ["ed25519-sha256"], NOW)
    await tracking_keys.ensure(store, DOMAIN, NOW)
    told = Outcome(delivery=DELIVERY, recipient="a@x.example", outcome=State.DELIVERED, at=NOW)
    await store.put(keys.outcome_part(BATCH, 0, 0, 0), encode_lines([told]))
    key = tracking_keys.decode((await store.get(keys.domain_tracking(DOMAIN))).body).signing
    face = TrackFace(store, lambda: NOW, Recorder(store, lambda: NOW, 0.0))
    return Track(store, Signer(key, DOMAIN, BATCH, NOW), face)


@asynccontextmanager
async def running_track() -> AsyncIterator[Track]:
    track = await _made()
    config = uvicorn.Config(application(track.handle, at_most(65_536)), port=0, log_level="error")
    server = uvicorn.Server(config)
    listening = config.bind_socket()
    track.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    serving = asyncio.create_task(server.serve([listening]))
    try:
        yield track
    finally:
        server.should_exit = True
        await serving


def test_a_click_ends_where_the_link_led() -> None:
    async def story() -> None:
        async with running_track() as track, running_chromium() as browser:
            page = await browser.new_page()
            shop = f"{track.url}/a b/é?x=1&copy=2&q=é#there"
            await page.goto(shop)
            directly = page.url
            await page.goto(track.page(CLICK, shop))
            assert page.url == directly
            assert await page.title() == "Shop"
            first, second = (each for each in track.visits if "favicon" not in each)
            assert first == second
            assert await track.kinds() == [feedback.CLICKED]

    asyncio.run(story())


def test_the_button_unsubscribes_and_looking_does_not() -> None:
    async def story() -> None:
        async with running_track() as track, running_chromium() as browser:
            page = await browser.new_page()
            said: list[str] = []
            page.on("console", lambda message: said.append(message.text))
            await page.goto(track.page(UNSUBSCRIBE))
            assert await page.title() == "Unsubscribe?"
            assert await track.kinds() == []
            await page.wait_for_function("document.activeElement.tagName === 'BUTTON'")
            async with page.expect_navigation():
                await page.keyboard.press("Enter")  # the button has the focus
            assert await page.title() == "You are unsubscribed"
            assert await track.kinds() == [feedback.UNSUBSCRIBED]
            assert [each for each in said if "Content Security Policy" in each] == []

    asyncio.run(story())
