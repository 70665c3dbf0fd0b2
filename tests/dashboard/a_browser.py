"""A real Chromium without a window, and what it complains about.

    async with browsing(url, "dark") as here:
        await here.log_in(TOKEN)
        await here.picture("overview")
        assert here.complaints == []

`SCREENSHOTS=docs/images` writes those pictures that the docs show to this folder, sharp enough for
good screens.
"""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
SIZE = {"width": 1280, "height": 860}
SHORTEST, TALLEST = 560, 1400
"""A picture is as tall as its page."""
WAIT_MS = 30_000

IN_THE_DOCS = {
    *("overview-light", "queue-dark", "batch-light", "delivery-light", "failed-light"),
    *("mail-light", "statistics-dark"),
}

_WATCH = """
document.addEventListener("securitypolicyviolation",
    (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
"""

_TOO_FAINT = """
() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgb = (text) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = rgb(getComputedStyle(at).backgroundColor);
      if (found[3] > 250) return found;
    }
    return [255, 255, 255, 255];
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    const box = element.getBoundingClientRect();
    if (!text || box.width < 2 || box.height < 2 || element.closest("[hidden]")) continue;
    const style = getComputedStyle(element);
    if (style.visibility !== "visible") continue;
    const ink = element instanceof SVGElement ? style.fill : style.color;
    const [a, b] = [light(rgb(ink)), light(behind(element))].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < (large ? 3 : 4.5)) faint.push(`${contrast.toFixed(2)} ${text.slice(0, 40)}`);
  }
  return faint;
}
"""
"""WCAG 2.2, 1.4.3 (AA): each text against what is behind it."""


def chromium() -> str:
    """Where it is. Skips the test if it is not, or nothing can drive it."""
    pytest.importorskip("playwright", reason="no playwright: pip install playwright")
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium: apt-get install chromium")
    return found


@dataclass
class Browser:
    """One window, and what its console says."""

    page: Any
    url: str
    scheme: str
    folder: Path
    complaints: list[str] = field(default_factory=list)

    async def log_in(self, token: str, name: str = "Anna") -> None:
        await self.page.goto(f"{self.url}/dashboard")
        await self.page.get_by_label("Your name").fill(name)
        await self.page.get_by_label("Admin token").fill(token)
        await self.page.get_by_role("button", name="Log in").click()
        await self.heading("Overview")

    async def heading(self, text: str) -> None:
        await self.page.get_by_role("heading", name=text, exact=True).first.wait_for()

    async def open(self, path: str) -> None:
        await self.page.goto(f"{self.url}{path}")

    async def click(self, name: str, role: str = "link") -> None:
        await self.page.get_by_role(role, name=name, exact=True).first.click()

    async def text(self) -> str:
        return str(await self.page.locator("main").inner_text())

    async def picture(self, name: str) -> None:
        """The page from its top, light or dark; and whether all texts on it can be read."""
        assert await self.page.evaluate(_TOO_FAINT) == [], f"{name}, {self.scheme}"
        await self.page.set_viewport_size({**SIZE, "height": SHORTEST})
        height = int(await self.page.evaluate("document.documentElement.scrollHeight"))
        await self.page.set_viewport_size({**SIZE, "height": min(height, TALLEST)})
        shown = f"{name}-{self.scheme}"
        given = os.environ.get("SCREENSHOTS", "") if shown in IN_THE_DOCS else ""
        await self.page.screenshot(path=Path(given or self.folder) / f"{shown}.png")
        await self.page.set_viewport_size(SIZE)


@asynccontextmanager
async def browsing(
    url: str, scheme: str, tmp_path: Path, *, scripts: bool = True
) -> AsyncIterator[Browser]:
    """A fresh window. `scheme`: light or dark."""
    place = chromium()
    from playwright.async_api import async_playwright

    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as driver:
        process = await driver.chromium.launch(executable_path=place, args=flags)
        try:
            window = await process.new_context(
                color_scheme=scheme,
                viewport=SIZE,
                java_script_enabled=scripts,
                device_scale_factor=2 if os.environ.get("SCREENSHOTS") else 1,
            )
            window.set_default_timeout(WAIT_MS)
            await window.add_init_script(_WATCH)
            here = Browser(await window.new_page(), url, scheme, tmp_path)
            here.page.on("console", lambda said: _listen(here, said))
            here.page.on("pageerror", lambda error: here.complaints.append(str(error)))
            yield here
        finally:
            await process.close()


def _listen(here: Browser, said: Any) -> None:
    if said.type in ("error", "warning"):
        here.complaints.append(f"{here.page.url}: {said.text}")
