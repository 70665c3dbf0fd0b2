"""Pages as a mail has them, untracked and tracked, and what a browser makes of both."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from functions.dispatch.tracked import Tracked
from functions.track.face import IN_A_LOCATION
from shared.ids import batch_id, delivery_id
from shared.model import Content, Sender
from shared.tracking import Level, Tracking
from shared.tracking_tokens import CLICK, SigningKey, verified

if TYPE_CHECKING:
    from playwright.async_api import Page

NOW = 1_800_000_000.0
TRACK = "https://t.example"
KEY = SigningKey(0, b"k" * 32)
BATCH = batch_id(NOW, b"0123456789")
CONTENT = Content(
    batch=BATCH,
    domain="example.org",
    digest="",
    accepted=1,
    accepted_at=NOW,
    due_at=NOW,
    subject="",
    sender=Sender(email="news@example.org"),
    bag_size=500,
    tracking_url=TRACK,
)
CLICKS = Tracking(links=Level.IDENTIFIED)
OPENS_AND_CLICKS = Tracking(Level.FULL, Level.FULL)
MAIL_PAGE = "http://mail.example/"
"""Where the browser thinks that it is, for what is relative."""

_SEEN = """
(pages) => {
  const FORMATTING = "a b big code em font i nobr s small strike strong tt u".split(" ");
  function* all(root) {
    for (const each of root.querySelectorAll("*")) {
      yield each;
      if (each.content instanceof DocumentFragment) yield* all(each.content);
    }
  }
  const whole = (url, base) => {
    try { return new URL(url, base).href } catch { return "nowhere:" }
  };
  const start = (each) => each.cloneNode(false).outerHTML;
  function seen([html, locations]) {
    const doc = new DOMParser().parseFromString(html, "text/html");
    const links = [], pixels = [];
    for (const each of [...all(doc)]) {
      if (each.localName === "img" && each.src.includes("/o/")) pixels.push(each);
      if (each.localName !== "a" && each.localName !== "area") continue;
      const opted_out = each.hasAttribute("data-no-track"), raw = each.getAttribute("href");
      each.removeAttribute("data-no-track");
      if (raw === null) continue;
      const through = locations[raw];
      const leads = through === undefined ? whole(raw, doc.baseURI) : whole(through, raw);
      links.push({raw, leads, opted_out, tracked: through !== undefined});
      each.setAttribute("href", leads);
    }
    for (const each of pixels) each.remove();
    const outer = (each) =>
      each.nodeType === 8 ? `<!--${each.data}-->` : each.outerHTML || each.nodeName;
    const dom = [doc.compatMode, ...[...doc.childNodes].map(outer)].join("");
    const skeleton = [...all(doc)].filter(x => !FORMATTING.includes(x.localName)).map(start);
    const text = doc.documentElement.textContent.replace(/\\s+/g, "");
    return {dom, links, skeleton, text, pixels: pixels.length};
  }
  return pages.map(seen);
}
"""


@dataclass(frozen=True)
class Mail:
    """A tracked page."""

    html: str
    locations: dict[str, str]
    """Tracked URL → what `track` answers as Location."""


@dataclass(frozen=True)
class Link:
    raw: str
    """Its `href`."""
    leads: str
    """Where a browser is in the end, if it follows it."""
    opted_out: bool
    tracked: bool


@dataclass(frozen=True)
class Seen:
    """What a browser makes of a page."""

    dom: str
    """With the place where a link leads as its `href`, without the pixel."""
    links: list[Link]
    skeleton: list[str]
    """The start tags of all elements, but for those like `<b>` that a parser opens again."""
    text: str
    pixels: int


def tracked(plain: str, tracking: Tracking, *cuts: int) -> Mail:
    """A page, in pieces if it is cut, as a reader gets it."""
    pieces = [plain[a:b] for a, b in zip([0, *cuts], [*cuts, len(plain)], strict=True)]
    html = "".join(Tracked(CONTENT, KEY).html(pieces, delivery_id(BATCH, 0, 7), tracking))
    tokens = dict.fromkeys(re.findall(rf"{TRACK}/c/([A-Za-z0-9_-]{{20,}})", html))
    return Mail(html, {f"{TRACK}/c/{token}": _location(token) for token in tokens})


def _location(token: str) -> str:
    url = verified(token, CLICK, {KEY.id: KEY.secret}, NOW).url
    return quote(url, safe=IN_A_LOCATION)


async def seen_by(page: "Page", mails: Iterable[Mail | str]) -> list[Seen]:
    """What the browser makes of each; it has to be at `MAIL_PAGE`."""
    pages = [(each, {}) if isinstance(each, str) else (each.html, each.locations) for each in mails]
    return [_seen(each) for each in await page.evaluate(_SEEN, pages)]


def _seen(found: dict[str, Any]) -> Seen:
    return Seen(**{**found, "links": [Link(**each) for each in found["links"]]})
