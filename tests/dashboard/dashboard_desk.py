"""The dashboard as a browser sees it, without one: it keeps cookies, and reads pages.

desk = Desk()
desk.log_in("Anna")
page = desk.get("/dashboard/failed")
desk.send("/dashboard/queue/pause", name="example.com")     a form of this session
"""

import asyncio
import re
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, TypeVar
from urllib.parse import urlencode, urljoin

from station import DOMAIN

from functions.admin import assemble
from functions.admin.dashboard.site import Site
from functions.admin.face import AdminFace
from shared.config import load
from shared.http import Request, Response
from shared.provision import add_domain
from shared.stage import Wake
from shared.store.base import Store, list_all
from shared.store.memory import MemoryStore

NOW = 1_800_000_000.0
TOKEN = "an-admin-token"
FORM = "application/x-www-form-urlencoded"
VOID = {"meta", "link", "input", "img", "br", "rect", "line", "path", "hr"}

T = TypeVar("T")


@dataclass
class Tag:
    """One element: its name, its attributes, the text in it."""

    name: str
    attributes: dict[str, str]
    above: "Tag | None"
    text: str = ""

    def within(self, name: str) -> bool:
        above = self.above
        while above and above.name != name:
            above = above.above
        return above is not None


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[Tag] = []
        self._open: list[Tag] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        above = self._open[-1] if self._open else None
        made = Tag(tag, {name: value or "" for name, value in attrs}, above)
        self.tags.append(made)
        if tag not in VOID:
            self._open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        above = self._open[-1] if self._open else None
        self.tags.append(Tag(tag, {name: value or "" for name, value in attrs}, above))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open[-1].name == tag, f"</{tag}> where <{self._open[-1].name}> is open"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for each in self._open:
            each.text += data


@dataclass
class Page:
    """An answer, read. Elements that are not closed in order fail the test."""

    path: str
    response: Response
    tags: list[Tag] = field(default_factory=list)

    def __post_init__(self) -> None:
        if "html" in self.headers.get("content-type", ""):
            reader = _Reader()
            reader.feed(self.html)
            self.tags = reader.tags

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def html(self) -> str:
        return self.response.body.decode()

    @property
    def headers(self) -> Mapping[str, str]:
        return self.response.headers

    @property
    def text(self) -> str:
        """What a reader reads, spaces made one."""
        return " ".join(" ".join(each.text for each in self.all("main")).split())

    def all(self, name: str) -> list[Tag]:
        return [each for each in self.tags if each.name == name]

    @property
    def links(self) -> list[str]:
        """Where its links lead, on this site."""
        found = [each.attributes["href"] for each in self.all("a")]
        return [urljoin(self.path, each) for each in found if not each.startswith("#")]


class Desk:
    """An operator with a browser. `face`: of a Station that runs already."""

    def __init__(
        self, store: Store | None = None, face: AdminFace | None = None, **options: str
    ) -> None:
        self.now = NOW
        self.woken: list[Wake] = []
        self.cookies: dict[str, str] = {}
        self.paused_s: list[float] = []
        self.store: Store = store or MemoryStore(lambda: self.now)
        self._options = options
        self.face = face or self.restarted()
        if face is None:
            self.do(add_domain(self.store, DOMAIN, ["ed25519-sha256"], self.now))

    def restarted(self, **options: str) -> AdminFace:
        """The same store under another configuration."""
        flags = {"admin.tokens": TOKEN}
        given = self._options | options
        flags |= {name.replace("__", "."): value for name, value in given.items()}
        config = load(environ={}, flags=flags)
        self.face = assemble.face(config, self.store, self.woken.append, lambda: self.now)
        self.site.door._pause = self._pause
        return self.face

    async def _pause(self, seconds: float) -> None:
        self.paused_s.append(seconds)

    @property
    def site(self) -> Site:
        return self.face._site

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(work)

    # What a browser does.

    async def fetch(self, method: str, path: str, body: bytes = b"", **headers: str) -> Page:
        path, _, query = path.partition("?")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        request = Request(method, path, {"cookie": cookie, **named}, body, query)
        page = Page(path, await self.face.handle(request))
        set_cookie = page.headers.get("set-cookie", "")
        if set_cookie:
            name, _, value = set_cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
            if "Max-Age=0" in set_cookie:
                del self.cookies[name]
        return page

    def get(self, path: str, **headers: str) -> Page:
        return self.do(self.fetch("GET", path, **headers))

    def post(self, path: str, fields: Mapping[str, Any], **headers: str) -> Page:
        """A form as it is."""
        body = urlencode(fields, doseq=True).encode()
        sent = {"content_type": FORM, "host": "ekiden", "sec_fetch_site": "same-origin"} | headers
        return self.do(self.fetch("POST", path, body, **sent))

    def send(self, path: str, **fields: Any) -> Page:
        """A form of this session. `then` its answer, the page that it leads to."""
        return self.post(path, {"csrf": self.form_token, **fields})

    @property
    def form_token(self) -> str:
        return token_of(self.get("/dashboard"))

    def log_in(self, name: str = "", token: str = TOKEN, **fields: str) -> Page:
        form = self.get("/dashboard/login")
        sent = {"csrf": token_of(form), "token": token, "name": name, **fields}
        return self.post("/dashboard/login", sent)

    def keys(self, prefix: str = "") -> list[str]:
        async def read() -> list[str]:
            return [entry.key async for entry in list_all(self.store, prefix)]

        return self.do(read())

    def everything(self) -> dict[str, bytes]:
        """All objects but the audit's."""
        found = [key for key in self.keys() if not key.startswith("audit/")]
        return {key: self.do(self.store.get(key)).body for key in found}


def token_of(page: Page) -> str:
    """The CSRF token of the first form."""
    found = re.search(r'name="csrf" value="([^"]+)"', page.html)
    return found[1] if found else ""
