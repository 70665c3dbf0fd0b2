"""Debian's Chromium, headless, for tests that see a page as people do.

async with running_chromium() as browser:
    page = await browser.new_page()

Playwright drives it (its async API: the sync one leaves a running loop behind, and the other tests
call `asyncio.run`). Where either is missing, the test is skipped and says so.
"""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--font-render-hinting=none",  # the same pixels whatever the machine's taste
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
"""Nothing leaves the machine: a stranger's HTML names pictures and fonts of elsewhere."""


def executable() -> str:
    """Where Chromium is; skips the test where it is not."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("there is no Chromium (Debian: apt-get install chromium)")
    return found


@asynccontextmanager
async def running_chromium() -> AsyncIterator["Browser"]:
    place = executable()
    api = pytest.importorskip("playwright.async_api", reason="pip install playwright")
    # Chromium's own sandbox refuses root.
    own_rights = ("--no-sandbox",) if os.geteuid() == 0 else ()
    async with api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=place, args=[*_ARGUMENTS, *own_rights]
        )
        try:
            yield browser
        finally:
            await browser.close()
