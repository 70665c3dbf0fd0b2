"""A real browser shows a tracked mail as it shows the untracked one, and its links lead there too.

The pages are mails of strangers (../shared/data/html), and random ones that no stranger would dare
to send. What the browser makes of them is compared as its document tree, as where each link leads
in the end, and as pixels.
"""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import strange_html
from chromium import running_chromium
from mail_pages import CLICKS, MAIL_PAGE, OPENS_AND_CLICKS, TRACK, Link, seen_by, tracked

from functions.track.face import DOT

if TYPE_CHECKING:
    from playwright.async_api import Page, Route

PAGES = sorted((Path(__file__).parents[3] / "shared" / "data" / "html").glob("*.html"))
STRANGE_PAGES = 300
SHOWN_PAGES = 12
LONG = 3000
"""Characters: a link's token is longer than it, and so it may stay."""


@asynccontextmanager
async def mail_program() -> AsyncIterator[tuple["Page", Callable[[str], Awaitable[None]]]]:
    """A browser window that runs no scripts, and a function that opens a mail in it."""
    shown = ""

    async def answer(route: "Route") -> None:
        if route.request.url == MAIL_PAGE:
            await route.fulfill(body=shown, content_type="text/html; charset=utf-8")
        elif route.request.url.startswith(f"{TRACK}/o/"):
            await route.fulfill(body=DOT, content_type="image/gif")
        else:
            await route.abort()

    async with running_chromium() as browser:
        page = await browser.new_page(
            java_script_enabled=False, viewport={"width": 800, "height": 600}
        )
        await page.route("**/*", answer)

        async def open_(html: str) -> None:
            nonlocal shown
            shown = html
            await page.goto(MAIL_PAGE)

        await open_("")
        yield page, open_


def cut(html: str, chance: random.Random) -> list[int]:
    return sorted(chance.sample(range(len(html)), min(len(html), chance.randrange(6))))


def is_to_be_tracked(link: Link) -> bool:
    web = re.match(r"[\0-\x20]*https?:[/\\]{2}", link.raw, re.IGNORECASE | re.ASCII)
    own = link.raw.startswith(f"{TRACK}/o/")
    return bool(web) and not link.opted_out and not own and len(link.raw) < LONG


def is_tracked_right(html: str, plain: list[Link], linked: list[Link]) -> bool:
    wanted, done = [is_to_be_tracked(link) for link in plain], [link.tracked for link in linked]
    if "<![CDATA[" in html:  # text in SVG, and nobody knows whether this is: they stay
        return all(each or not it for each, it in zip(wanted, done, strict=True))
    return wanted == done


async def differences(page: "Page", plains: list[str], chance: random.Random) -> list[str]:
    cuts = [cut(html, chance) for html in plains]
    clicks = [tracked(html, CLICKS, *at) for html, at in zip(plains, cuts, strict=True)]
    both = [tracked(html, OPENS_AND_CLICKS, *at) for html, at in zip(plains, cuts, strict=True)]
    found = []
    seen = zip(
        plains,
        await seen_by(page, plains),
        await seen_by(page, clicks),
        await seen_by(page, both),
        strict=True,
    )
    for html, plain, linked, watched in seen:
        same = {
            "the document": plain.dom == linked.dom,
            "where links lead": [x.leads for x in plain.links] == [x.leads for x in linked.links],
            "what is tracked": is_tracked_right(html, plain.links, linked.links),
            "the opt-out stripped": not any(link.opted_out for link in linked.links),
            "the document around the pixel": plain.skeleton == watched.skeleton,
            "the text around the pixel": plain.text == watched.text,
            "one pixel": watched.pixels == 1,
        }
        found += [f"{what}: {html!r}" for what, is_same in same.items() if not is_same]
    return found


@pytest.mark.parametrize("place", PAGES, ids=lambda place: place.stem)
def test_a_strangers_mail_is_the_same_document_and_its_links_lead_where_they_led(
    place: Path,
) -> None:
    html = place.read_text()

    async def look() -> None:
        async with mail_program() as (page, _):
            (plain,) = await seen_by(page, [html])
            assert any(link.leads.startswith("http") for link in plain.links)
            assert await differences(page, [html] * 20, random.Random(0)) == []

    asyncio.run(look())


def test_strange_pages_are_too() -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")

    async def look() -> None:
        async with mail_program() as (page, _):
            plains = [strange_html.page(seed + n) for n in range(STRANGE_PAGES)]
            assert await differences(page, plains, random.Random(seed)) == []

    asyncio.run(look())


async def pixels(page: "Page", height_px: int = 0) -> bytes:
    """The whole page as a picture; as much of it as is asked for."""
    if not height_px:
        return await page.screenshot(full_page=True)
    return await page.screenshot(
        full_page=True, clip={"x": 0, "y": 0, "width": 800, "height": height_px}
    )


@pytest.mark.parametrize("place", PAGES, ids=lambda place: place.stem)
def test_a_strangers_mail_looks_the_same_and_is_one_pixel_higher_at_most(place: Path) -> None:
    html = place.read_text()

    async def look() -> None:
        async with mail_program() as (page, open_):
            await open_(html)
            height_px = await page.evaluate("document.documentElement.scrollHeight")
            before = await pixels(page, height_px)
            await open_(tracked(html, OPENS_AND_CLICKS).html)
            assert await page.evaluate("document.images.length") >= 1
            higher_px = await page.evaluate("document.documentElement.scrollHeight") - height_px
            assert higher_px in (0, 1)
            assert await pixels(page, height_px) == before

    asyncio.run(look())


def test_strange_pages_look_the_same() -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")

    async def look() -> None:
        async with mail_program() as (page, open_):
            for n in range(SHOWN_PAGES):
                html = strange_html.page(seed + n)
                await open_(html)
                before = await pixels(page)
                await open_(tracked(html, CLICKS).html)
                assert await pixels(page) == before, html

    asyncio.run(look())


@pytest.mark.parametrize(
    "style", ["img{width:100%}", "img{padding:40px;margin:40px;border:9px solid}", "body{margin:0}"]
)
def test_what_a_page_says_of_all_its_pictures_does_not_blow_the_pixel_up(style: str) -> None:
    async def look() -> None:
        async with mail_program() as (page, open_):
            html = f"<!doctype html><style>{style}</style><body><table><tr><td>x</table></body>"
            await open_(html)
            before_px = await page.evaluate("document.body.scrollHeight")
            await open_(tracked(html, OPENS_AND_CLICKS).html)
            assert await page.evaluate("document.body.scrollHeight") - before_px in (0, 1)

    asyncio.run(look())
