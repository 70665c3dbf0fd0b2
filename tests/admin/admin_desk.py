"""The operator API over a store in memory, with a clock that the test sets.

desk = AdminDesk()
desk.call("GET", "/v1/failed").json                      as the operator
desk.as_domain("GET", f"/v1/domains/{DOMAIN}", scopes=["read"])   as an app
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec
from station import DOMAIN, Answer, answer_of, as_body

from functions.admin import assemble
from shared import keys
from shared.config import load
from shared.domains import new_api_key
from shared.http import Request
from shared.provision import add_domain
from shared.stage import Wake
from shared.store.base import Store, list_all
from shared.store.memory import MemoryStore

NOW = 1_800_000_000.0
TOKEN = "an-admin-token"
OTHER = "other.example"
"""A Domain that is somebody else's."""

T = TypeVar("T")


class AdminDesk:
    """Two Domains, an operator, and the calls that they make."""

    def __init__(self, store: Store | None = None, **options: str) -> None:
        self.now = NOW
        self.store: Store = store or MemoryStore(lambda: self.now)
        self.woken: list[Wake] = []
        flags = {"admin.tokens": TOKEN}
        flags |= {name.replace("__", "."): value for name, value in options.items()}
        config = load(environ={}, flags=flags)
        self.face = assemble.face(config, self.store, self.woken.append, lambda: self.now)
        for domain in (DOMAIN, OTHER):
            self.do(add_domain(self.store, domain, ["ed25519-sha256"], self.now))

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(work)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """As the operator, unless the headers say otherwise (`_` for `-`)."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"x-ekiden-admin-token": TOKEN} | named
        return self.send(method, path, body, sent)

    def as_domain(
        self, method: str, path: str, body: Any = None, *, scopes: tuple[str, ...] = ("admin",)
    ) -> Answer:
        """As an app of DOMAIN, with a fresh API key."""
        key = self.api_key(DOMAIN, scopes)
        return self.send(method, path, body, {"authorization": f"Bearer {key}"})

    def send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        path, _, query = path.partition("?")
        request = Request(method, path, headers, as_body(body), query)
        return answer_of(self.do(self.face.handle(request)))

    def api_key(self, domain: str, scopes: tuple[str, ...]) -> str:
        shown, record = new_api_key(domain, "test", self.now, scopes=scopes)
        self.do(self.store.put(keys.api_key(domain, record.id), msgspec.json.encode(record)))
        return shown

    def keys(self, prefix: str = "") -> list[str]:
        async def read() -> list[str]:
            return [entry.key async for entry in list_all(self.store, prefix)]

        return self.do(read())

    def get(self, key: str) -> Any:
        return msgspec.json.decode(self.do(self.store.get(key)).body)
