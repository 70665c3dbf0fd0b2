"""The dashboard in a real browser: from the first mail to a replay, by day and by night."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import a_day_of_mail
import pytest
from a_browser import WAIT_MS, Browser, browsing, chromium
from demo_process import Demo, running_demo
from station import BATCH, DOMAIN, Here, running_station

from ekiden.demo import LATE_DOMAIN, batch, recipients
from shared import keys
from shared.errors import Malformed
from shared.pauses import pause
from shared.stage import fail
from shared.suppressions import Suppression, editing

TOKEN = "an-admin-token"
SCHEMES = ("light", "dark")
SCENE_S = 240


@pytest.fixture(scope="module", autouse=True)
def browser() -> str:
    return chromium()


def scene(story: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(story(), SCENE_S)

    asyncio.run(bounded())


async def until(here: Browser, path: str, shown: str) -> None:
    """Load the page again until it shows this."""
    deadline = time.monotonic() + WAIT_MS / 1000
    await here.open(path)
    while shown not in await here.text():
        assert time.monotonic() < deadline, f"{path} does not show {shown!r}"
        await here.page.reload()


# ---- the demo ----------------------------------------------------------------------------------


def test_the_demo_from_the_first_mail_to_the_replay_of_what_failed(tmp_path: Path) -> None:
    with running_demo(recipients=200) as demo:

        async def story() -> None:
            async with browsing(demo.url, "light", tmp_path) as here:
                await here.log_in(demo.token)
                assert "1 piece of work failed" in await here.text()
                await _look_at_the_mails(here)
                await _watch_a_batch_live(here, demo)
                await _add_the_domain_and_replay(here)
                await here.click("Log out", "button")
                await here.heading("Log in")
                assert here.complaints == []
            async with browsing(demo.url, "dark", tmp_path) as here:
                await here.log_in(demo.token)
                await _look_at_the_mails(here)
                assert here.complaints == []

        scene(story)


async def _look_at_the_mails(here: Browser) -> None:
    """From the overview to one Delivery, and to a mail as it arrived."""
    await here.click("Batches")
    await here.page.locator("tbody a", has_text="please confirm").last.click()
    await here.page.locator("[data-batch-state]", has_text="done").wait_for()
    await here.picture("batch")
    await here.click("Show those that are bounced")
    await here.page.locator("tbody a", has_text="gone").first.click()
    said = await here.text()
    assert "does not know this mailbox (550 5.1.1)" in said
    assert "550 5.1.1 no such user here" in said
    await here.picture("delivery")
    await here.click("Received mails")
    await here.page.locator("tbody a", has_text="please confirm").last.click()
    frame = here.page.frame_locator("iframe")
    await frame.get_by_text("confirm your email address").first.wait_for()
    await here.picture("mail")


async def _watch_a_batch_live(here: Browser, demo: Demo) -> None:
    """Greylisted mails take two seconds in the demo: the page follows without a reload."""
    grey = [each for each in recipients(100) if each["email"].startswith("grey")]
    fields = {**batch(grey), "subject": "Live: {{ name }}"}
    submitted = (await asyncio.to_thread(demo.client.submit, fields))["batch"]
    await until(here, f"/dashboard/find?q={submitted}", "Live:")
    await here.page.evaluate("window.sameDocument = true")
    await here.page.locator("[data-batch-state]", has_text="done").wait_for()
    assert await here.page.locator("[data-state=delivered] [data-count]").inner_text() == "10"
    assert await here.page.evaluate("window.sameDocument")


async def _add_the_domain_and_replay(here: Browser) -> None:
    await here.click("Failed work")
    assert f"no Domain is called '{LATE_DOMAIN}'" in await here.text()
    await here.picture("failed")
    await here.click("Domains")
    await here.page.get_by_label("Name").fill(LATE_DOMAIN)
    await here.click("Add", "button")
    await here.heading(LATE_DOMAIN)
    await here.picture("domain")
    await here.click("Failed work")
    await here.page.get_by_label("Choose all").check()
    await here.click("Replay the chosen", "button")
    assert "1 put back in front of its stage." in await here.text()
    await until(here, "/dashboard/failed", "Nothing has failed.")
    await until(here, "/dashboard/mails", "Better late than never")
    await here.click("Better late than never")
    frame = here.page.frame_locator("iframe")
    await frame.get_by_text("Somebody has replayed it.").wait_for()


# ---- a busy day --------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_busy_day_can_be_read_by_day_and_by_night(scheme: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with busy_day() as here, browsing(here.url, scheme, tmp_path) as browser:
            await browser.open("/dashboard")
            await browser.picture("login")
            await browser.log_in(TOKEN)
            await browser.picture("overview")
            for name, shown in {
                "Queue": "gmail.com",
                "Batches": "Your weekly report",
                "Statistics": "Counted until",
            }.items():
                await browser.click(name)
                await browser.page.locator("main", has_text=shown).wait_for()
                await browser.picture(name.lower())
            await browser.open(f"/dashboard/statistics?domain={DOMAIN}&range=7 days")
            assert "outlook.com" in await browser.text()
            await browser.open(f"/dashboard/domains/{DOMAIN}/suppressions")
            await browser.picture("suppressions")
            await browser.open("/dashboard/nothing")
            assert "There is nothing here" in await browser.text()
            # The browser itself reports the 404.
            assert [each for each in browser.complaints if "404" not in each] == []

    scene(story)


@asynccontextmanager
async def busy_day() -> AsyncIterator[Here]:
    async with running_station(http=True, admin__tokens=TOKEN) as here:
        await a_day_of_mail.make(here.store, DOMAIN, time.time())
        await pause(here.store, "gmail.com", "421 4.7.0: too much from us", time.time() - 900)
        await _suppress(here)
        await _put_failed_work(here)
        await here.done(await here.submit(BATCH))
        yield here


async def _suppress(here: Here) -> None:
    for n, reason in enumerate(("hard_bounce", "hard_bounce", "complaint", "unsubscribed")):
        entry = Suppression(email=f"reader{n}@gmail.com", reason=reason, at=time.time() - n * 4000)
        await editing.add(here.store, DOMAIN, entry)


# ---- other ways to use it ----------------------------------------------------------------------


def test_everything_can_be_reached_by_the_keyboard(tmp_path: Path) -> None:
    async def story() -> None:
        async with (
            running_station(http=True, admin__tokens=TOKEN) as here,
            browsing(here.url, "light", tmp_path) as browser,
        ):
            await browser.open("/dashboard")
            await browser.page.locator("input[name=token]:focus").wait_for()
            await browser.page.keyboard.type(TOKEN)
            await browser.page.keyboard.press("Enter")
            await browser.heading("Overview")
            await browser.page.keyboard.press("Tab")
            focused = "document.activeElement.textContent"
            assert await browser.page.evaluate(focused) == "Skip to the content"
            await browser.page.keyboard.press("Enter")
            assert await browser.page.evaluate("document.activeElement.id") == "content"
            await browser.page.reload()
            seen = set()
            for _ in range(40):
                await browser.page.keyboard.press("Tab")
                if await browser.page.evaluate("document.activeElement === document.body"):
                    break  # the end of the page
                seen.add(await browser.page.evaluate(focused))
                outline = "getComputedStyle(document.activeElement).outlineStyle"
                assert await browser.page.evaluate(outline) == "solid"
            assert {"Queue", "Batches", "Failed work", "Domains", "Log out"} <= seen

    scene(story)


def test_without_scripts_everything_still_works(tmp_path: Path) -> None:
    async def story() -> None:
        async with (
            running_station(http=True, admin__tokens=TOKEN) as here,
            browsing(here.url, "dark", tmp_path, scripts=False) as browser,
        ):
            batch_id = await here.submit(BATCH)
            await here.done(batch_id)
            await browser.log_in(TOKEN)
            await browser.click("Batches")
            await browser.page.locator("tbody a").first.click()
            await browser.click("Show those that are delivered")
            assert "took it (250" in await browser.text()
            await browser.click("Queue")
            await browser.page.get_by_label("Pause a domain").fill("slow.example")
            await browser.page.locator("form.row button", has_text="Pause").click()
            assert "slow.example" in await browser.text()
            assert browser.complaints == []

    scene(story)


def test_a_link_in_a_chat_leads_to_the_page_and_not_to_the_login(tmp_path: Path) -> None:
    async def story() -> None:
        async with (
            running_station(http=True, admin__tokens=TOKEN) as here,
            browsing(here.url, "light", tmp_path) as browser,
        ):
            await browser.log_in(TOKEN)
            link = f'<title>chat</title><a href="{here.url}/dashboard/failed">look</a>'
            await browser.page.context.route(
                "http://chat.example/",
                lambda route: route.fulfill(body=link, content_type="text/html"),
            )
            await browser.page.goto("http://chat.example/")
            await browser.page.get_by_text("look").click()
            await browser.heading("Failed work")

    scene(story)


def test_on_a_small_screen_nothing_sticks_out(tmp_path: Path) -> None:
    async def story() -> None:
        async with busy_day() as here, browsing(here.url, "light", tmp_path) as browser:
            await browser.page.set_viewport_size({"width": 360, "height": 740})
            await browser.log_in(TOKEN)
            one = f"/domains/{DOMAIN}"
            for path in (
                "",
                "/queue",
                "/batches",
                "/failed",
                "/statistics",
                "/find",
                "/nothing",
                one,
            ):
                await _fits(browser, f"/dashboard{path}")
            await _fits(browser, f"/dashboard{one}/suppressions")
            await _fits(browser, f"/dashboard{one}/check")
            await browser.open("/dashboard/batches")
            await browser.page.locator("tbody a").first.click()
            await _fits(browser, browser.page.url.removeprefix(browser.url))
            await browser.click("All Deliveries")
            await browser.page.locator("tbody a").first.click()
            await _fits(browser, browser.page.url.removeprefix(browser.url))

    scene(story)


async def _fits(browser: Browser, path: str) -> None:
    """Only tables, plots and quotations scroll sideways, each by itself."""
    await browser.open(path)
    assert await browser.page.evaluate("document.documentElement.scrollWidth") <= 360, path
    out = await browser.page.evaluate(_STICKING_OUT)
    assert out == [], path


_STICKING_OUT = """
() => [...document.querySelectorAll("main *")]
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
  .filter((each) => !each.closest(".scroll, .drawn, pre"))
  .map((each) => `${each.tagName} ${each.textContent.slice(0, 30)}`)
"""


def test_what_failed_is_replayed_by_the_keyboard_alone(tmp_path: Path) -> None:
    async def story() -> None:
        async with (
            running_station(http=True, admin__tokens=TOKEN) as here,
            browsing(here.url, "dark", tmp_path) as browser,
        ):
            await _put_failed_work(here)
            await browser.log_in(TOKEN)
            keyboard = browser.page.keyboard
            await _tab_to(browser, "See why, and replay")
            await keyboard.press("Enter")
            await browser.heading("Failed work")
            await _tab_to(browser, "Choose inbox/")
            await keyboard.press("Space")
            await _tab_to(browser, "Replay the chosen")
            await keyboard.press("Enter")
            await browser.page.get_by_role("status").wait_for()
            assert "1 put back in front of its stage." in await browser.text()

    scene(story)


_FOCUSED = """
() => document.activeElement.getAttribute("aria-label") || document.activeElement.textContent
"""


async def _tab_to(browser: Browser, name: str) -> None:
    for _ in range(60):
        await browser.page.keyboard.press("Tab")
        if str(await browser.page.evaluate(_FOCUSED)).strip().startswith(name):
            return
    raise AssertionError(f"no key leads to {name!r}")


async def _put_failed_work(here: Here) -> None:
    """An app's upload for a Domain that is not there."""
    key = keys.inbox(LATE_DOMAIN, "hello.json")
    wrong = Malformed(f"no Domain is called {LATE_DOMAIN!r}")
    await here.store.put(key, b"{}")
    await fail("submit", here.store, lambda: time.time() - 240, key, b"{}", wrong, 1)
