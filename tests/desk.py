"""The HTTP face of submit over a store in memory, with a clock that the test sets. No relay runs.

desk = Desk()
answer = desk.submit({**BATCH, "subject": "x"})
assert (answer.status, desk.work()) == (202, ["submitted/….json"])
"""

import asyncio
import itertools
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec
from station import BATCH, DOMAIN, Answer, answer_of, as_body

from functions.submit import inbox
from functions.submit.request import Limits
from functions.submit.routes import SubmitFace
from functions.submit.submit import Submit
from functions.validate import stage as validate
from shared import keys, suppressions
from shared.codec import unpack
from shared.domains import Directory, Template
from shared.http import Request
from shared.model import Submitted
from shared.provision import add_api_key, add_domain, put_template
from shared.stage import Wake, run
from shared.store.base import Store, list_all
from shared.store.memory import MemoryStore
from shared.suppressions import Suppression, Suppressions
from shared.watch import Watch

__all__ = ["BATCH", "DOMAIN", "NOW", "Desk"]

NOW = 1_800_000_000.0
"""2027-01-15T08:00:00Z"""

T = TypeVar("T")


class Desk:
    """One Domain, one API key, and the calls that an app makes."""

    domain = DOMAIN

    def __init__(self, limits: Limits | None = None, store: Store | None = None) -> None:
        self.now = NOW
        self.store: Store = store or MemoryStore(lambda: self.now)
        self.entropy = itertools.count(1)
        self.core = Submit(
            self.store, lambda: self.now, lambda: next(self.entropy).to_bytes(10), limits
        )
        self.woken: list[Wake] = []
        self.face = SubmitFace(self.core, Watch(), self.woken.append)
        self.api_key = self.add_domain(DOMAIN)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(work)

    def add_domain(self, name: str) -> str:
        """Make a Domain; return an API key of it."""
        self.do(add_domain(self.store, name, ["ed25519-sha256"], self.now))
        return self.do(add_api_key(self.store, name, "test", self.now))

    # What an app does.

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request, with the API key. Header names are given with `_` for `-`."""
        return self.do(self.calling(method, path, body, **headers))

    async def calling(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        path, _, query = path.partition("?")
        sent = {"authorization": f"Bearer {self.api_key}"}
        sent |= {name.replace("_", "-").lower(): value for name, value in headers.items()}
        request = Request(method, path, sent, as_body(body), query)
        return answer_of(await self.face.handle(request))

    def submit(self, batch: Any, **headers: str) -> Answer:
        return self.call("POST", "/v1/batches", batch, **headers)

    def accepted(self, batch: Any, **headers: str) -> Submitted:
        """What is stored of a Batch that has to be accepted."""
        answer = self.submit(batch, **headers)
        assert answer.status == 202, answer.json
        return self.submitted(answer.json["batch"])

    def upload(self, name: str, body: Any, domain: str = DOMAIN) -> None:
        """Put an object into the inbox, and let submit's event face take it."""
        self.do(self.store.put(f"inbox/{domain}/{name}", as_body(body)))
        self.event(f"inbox/{domain}/{name}")

    def event(self, key: str) -> None:
        self.do(run(inbox.stage(self.core), self.store, lambda: self.now, Wake(key)))

    def validate(self, bag_size: int = 500) -> None:
        """Let validate take everything that is submitted."""
        checked = Suppressions(self.store, Directory(self.store, lambda: self.now))
        stage = validate.stage(self.store, lambda: self.now, checked, bag_size)
        for key in self.keys(keys.SUBMITTED):
            self.do(run(stage, self.store, lambda: self.now, Wake(key)))

    # What an operator does.

    def put_template(self, template: Template) -> None:
        self.do(put_template(self.store, DOMAIN, template))

    def suppress(self, address: str) -> None:
        entry = Suppression(email=address, reason="manual", at=self.now)
        self.do(suppressions.add(self.store, DOMAIN, entry))

    # What is in the store.

    def keys(self, prefix: str = "") -> list[str]:
        async def read() -> list[str]:
            return [entry.key async for entry in list_all(self.store, prefix)]

        return self.do(read())

    def work(self) -> list[str]:
        """All there is besides Domains: work objects, Batches, waiting and failed work."""
        return [key for key in self.keys() if not key.startswith("domains/")]

    def get(self, key: str) -> Any:
        return msgspec.json.decode(unpack(self.do(self.store.get(key)).body))

    def submitted(self, batch: str) -> Submitted:
        body = unpack(self.do(self.store.get(keys.submitted(batch))).body)
        return msgspec.json.decode(body, type=Submitted)
