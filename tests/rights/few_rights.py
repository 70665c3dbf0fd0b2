"""All of Ekiden over a SeaweedFS that lets each function do what `shared/layout.py` says, no more.

    with bucket(folder) as server:
        async with deployed(server) as here:
            await here.work_off()

The functions run one after the other in this process, each with a store, keys and a policy of its
own. All is below a prefix of the bucket, as `EKIDEN_STORE_URL=s3://bucket/prefix` has it.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from seaweed import (
    ACCESS_KEY_ID,
    BUCKET,
    SECRET_ACCESS_KEY,
    Seaweed,
    SeaweedUnavailable,
    running_seaweed,
)
from station import DOMAIN, Answer, answer_of, as_body, settings_for

from ekiden.sink import Sink
from functions.admin import assemble as admin
from functions.bounce import assemble as bounce
from functions.dispatch import assemble as dispatch
from functions.notify import assemble as notify
from functions.send import assemble as send
from functions.submit import assemble as submit
from functions.submit.routes import SubmitFace
from functions.sweep import assemble as sweep
from functions.sweep.sweeping import Swept
from functions.track import assemble as track
from functions.validate import assemble as validate
from shared import keys
from shared.config import Config
from shared.http import Request
from shared.layout import RIGHTS, policy
from shared.provision import add_api_key, add_domain
from shared.stage import Stage, Wake, run
from shared.store import open_store
from shared.store.base import Store, list_all
from shared.store.wrap import Wrapper
from shared.watch import Watch

PREFIX = "live/"
ADMIN_TOKEN = "an-admin-token"
STAGES = [stage for stage in keys.WORK.values() if stage in RIGHTS]
"""A stage without rights fails a test of its own."""
HOUR_S = 3600.0
UNKNOWN = "01hf7yat00abcdefghjkmnpqrs"
"""A Batch that there never was."""
KIND = {"get": "read", "create": "write", "put": "write", "replace": "write", "list_page": "list"}


def secret_of(function: str) -> str:
    return f"{function}-secret-key"


def s3_config() -> dict[str, Any]:
    """SeaweedFS's `-s3.config`: one identity per function, and an operator."""
    operator = {
        "name": "operator",
        "credentials": [{"accessKey": ACCESS_KEY_ID, "secretKey": SECRET_ACCESS_KEY}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    functions = [
        {
            "name": function,
            "credentials": [{"accessKey": function, "secretKey": secret_of(function)}],
            "policyNames": [function],
        }
        for function in RIGHTS
    ]
    policies = [
        {"name": function, "content": json.dumps(policy(rights, BUCKET, PREFIX))}
        for function, rights in RIGHTS.items()
    ]
    return {"identities": [operator, *functions], "policies": policies}


@contextmanager
def bucket(folder: Path) -> Iterator[Seaweed]:
    """Skips the test where SeaweedFS cannot be started."""
    file = folder / "s3.json"
    file.write_text(json.dumps(s3_config()))
    with ExitStack() as stack:
        try:
            yield stack.enter_context(running_seaweed(folder, s3_config=file))
        except SeaweedUnavailable as reason:
            pytest.skip(f"no SeaweedFS: {reason}")


def url_of(server: Seaweed, function: str) -> str:
    """EKIDEN_STORE_URL with the keys of one function; of the operator for ""."""
    key = function or ACCESS_KEY_ID
    secret = secret_of(function) if function else SECRET_ACCESS_KEY
    return (
        f"s3://{server.bucket}/{PREFIX.rstrip('/')}?endpoint={server.endpoint}&region=us-east-1"
        f"&access_key_id={key}&secret_access_key={secret}"
    )


Used = set[tuple[str, str, str]]
"""(function, kind of right, key or listed prefix)"""


class Watched(Wrapper):
    """Notes what a function asks of its store."""

    def __init__(self, inner: Store, function: str, used: Used) -> None:
        super().__init__(inner)
        self._function = function
        self._used = used

    async def _pass_on(self, op: str, key: str, call: Callable[[], Awaitable[Any]]) -> Any:
        if op != "delete":
            self._used.add((self._function, KIND[op], key))
        return await call()

    async def delete(self, *keys: str) -> None:
        self._used |= {(self._function, "delete", key) for key in keys}
        await super().delete(*keys)


@dataclass
class Here:
    """The functions as they are deployed, and an operator who may do everything."""

    server: Seaweed
    sink: Sink
    route: str
    used: Used
    operator: Store
    api_key: str = ""
    later_s: float = 0.0
    """How far ahead the sweep's clock is."""
    _stores: dict[str, Store] = field(default_factory=dict)

    # What an operator does and sees.

    async def keys(self, prefix: str = "") -> list[str]:
        return [entry.key async for entry in list_all(self.operator, prefix)]

    async def body(self, key: str) -> bytes:
        return (await self.operator.get(key)).body

    # The functions.

    def config(self, function: str, **options: str) -> Config:
        options = {"validate__bag_size": "2", "send__retry_min": "1s", **options}
        return settings_for(url_of(self.server, function), self.route, **options)

    def store(self, function: str) -> Store:
        if function not in self._stores:
            inner = open_store(self.config(function).store.url)
            self._stores[function] = Watched(inner, function, self.used)
        return self._stores[function]

    @asynccontextmanager
    async def stage(self, function: str, **options: str) -> AsyncIterator[Stage]:
        """A stage as its function puts it together."""
        config, store = self.config(function, **options), self.store(function)
        match function:
            case "submit":
                yield submit.stage(submit.submit(config, store))
            case "validate":
                yield validate.stage(config, store)
            case "dispatch":
                yield dispatch.stage(config, store)
            case "bounce":
                yield bounce.stage(config, store)
            case "notify":
                stage, endpoints = notify.stage(config, store)
                try:
                    yield stage
                finally:
                    endpoints.close()
            case "send":
                stage, transmitter = send.stage(config, store)
                try:
                    yield stage
                finally:
                    await transmitter.close()

    async def work(self, function: str, **options: str) -> list[str]:
        """Let a function do what is there for it; the keys of that. Each is an event for it."""
        prefix = next(prefix for prefix, taker in keys.WORK.items() if taker == function)
        found = await self.keys(prefix)
        async with self.stage(function, **options) as stage:
            for key in found:
                await run(stage, self.store(function), time.time, Wake(key))
        return found

    async def work_off(self) -> None:
        """Until no work is left but what waits."""
        while True:
            done = [await self.work(function) for function in STAGES]
            if not any(done):
                return

    async def sweep(self, **options: str) -> Swept:
        """One sweep, `later_s` from now."""
        given = {"sweep__forgotten_after": "1s", "sweep__max_redrives": "2", **options}
        config = self.config("sweep", **given)
        clock = lambda: time.time() + self.later_s  # noqa: E731
        return await sweep.sweeping(config, self.store("sweep"), clock).sweep()

    # What an app does.

    def face(self) -> SubmitFace:
        config = self.config("submit")
        return submit.face(
            config, submit.submit(config, self.store("submit")), Watch(), lambda _: None
        )

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        path, _, query = path.partition("?")
        sent = {"authorization": f"Bearer {self.api_key}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(method, path, sent, as_body(body), query)
        return answer_of(await self.face().handle(request))

    async def operate(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """A call to the operator API, with the operator's token."""
        loose = {"webhooks__allow_insecure": "on", "webhooks__allow_private": "on"}
        config = self.config("admin", admin__tokens=ADMIN_TOKEN, audit__enabled="on", **loose)
        path, _, query = path.partition("?")
        sent = {"x-ekiden-admin-token": ADMIN_TOKEN}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        face = admin.face(config, self.store("admin"))
        return answer_of(await face.handle(Request(method, path, sent, as_body(body), query)))

    async def visit(self, url: str, method: str = "GET") -> Answer:
        """Somebody follows a tracked URL."""
        face = track.face(self.config("track", track__group="1ms"), self.store("track"))
        reader = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
        return answer_of(await face.handle(Request(method, urlsplit(url).path, reader)))

    async def submit(self, batch: Any, **headers: str) -> str:
        answer = await self.call("POST", "/v1/batches", batch, **headers)
        assert answer.status == 202, answer.json
        return str(answer.json["batch"])

    async def outcomes(self, batch: str) -> dict[str, int]:
        answer = await self.call("GET", f"/v1/batches/{batch}")
        assert answer.status == 200, answer.json
        return dict(answer.json["outcomes"])


Story = Callable[[Here], Awaitable[None]]


def refuse(recipient: str, tried: int) -> str | None:
    """`gone…` never gets mail, `busy…` at the second try."""
    if recipient.startswith("gone"):
        return "550 5.1.1 no such user here"
    return "450 4.2.1 later" if recipient.startswith("busy") and not tried else None


@asynccontextmanager
async def deployed(server: Seaweed, used: Used) -> AsyncIterator[Here]:
    """With one Domain and an API key."""
    sink = Sink(refuse)
    port = await sink.start()
    operator = open_store(url_of(server, ""))
    here = Here(server, sink, f"smtp://127.0.0.1:{port}", used, operator)
    try:
        if not await here.keys(keys.DOMAINS):
            await add_domain(operator, DOMAIN, ["ed25519-sha256"], time.time())
        here.api_key = await add_api_key(operator, DOMAIN, "test", time.time())
        yield here
    finally:
        await sink.close()
        for store in (operator, *here._stores.values()):
            await store.close()


def counted(found: list[str]) -> Counter[str]:
    """How many keys there are of each kind: by the first part, and the second of `failed/`."""
    parts = (key.split("/") for key in found)
    return Counter("/".join(each[:2]) if each[0] == "failed" else each[0] for each in parts)


async def in_thread(call: Callable[..., Any], *given: Any) -> Any:
    return await asyncio.wait_for(asyncio.to_thread(call, *given), 30)
