"""All of Ekiden on the loopback for one test: a Station, a sink to send to, a Domain, an API key.

    async with running_station() as here:
        batch = await here.submit({"recipients": [{"email": "a@b.example"}], …})
        assert (await here.done(batch))["outcomes"] == {"delivered": 1}
        assert here.sink.received[0].recipient == "a@b.example"

The stages run as under `ekiden serve`, with one renderer process. Requests go straight to the
HTTP face, or over real HTTP to `here.url` with `http=True`.
"""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import uvicorn

from ekiden.asgi import application
from ekiden.front import body_limit
from ekiden.sink import Refuse, Sink
from ekiden.station import Station, running
from shared import config
from shared.dkim_stored import Algorithm
from shared.http import Request
from shared.provision import add_api_key, add_domain
from shared.store.base import Store, list_all

DOMAIN = "example.org"
WAIT_S = 30
"""How long a test waits for what comes at once, before it fails."""

BATCH: dict[str, Any] = {
    "sender": {"email": f"news@{DOMAIN}", "alias": "The News"},
    "subject": "Hello {{ name }}",
    "text": "Dear {{ name }},\r\nthis is it.\r\n",
    "recipients": [{"email": "ann@sink.example", "fields": {"name": "Ann"}}],
}
"""A Batch that is accepted. Tests change what they are about: `{**BATCH, "subject": …}`."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    json: Any
    headers: dict[str, str]

    @property
    def problem(self) -> str:
        """The stable word of a problem document (RFC 9457), or empty."""
        kind = self.json.get("type", "") if isinstance(self.json, dict) else ""
        return str(kind).removeprefix("urn:ekiden:problem:")


@dataclass(frozen=True)
class Here:
    """A running Station and what belongs to it."""

    station: Station
    sink: Sink
    api_key: str
    url: str = ""
    """Where it answers over real HTTP, if asked for."""

    @property
    def store(self) -> Store:
        return self.station.store

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request, as the Domain. Header names are given with `_` for `-`."""
        path, _, query = path.partition("?")
        sent = {"authorization": f"Bearer {self.api_key}"}
        sent |= {name.replace("_", "-").lower(): value for name, value in headers.items()}
        request = Request(method, path, sent, as_body(body), query)
        return answer_of(await self.station.handle(request))

    async def submit(self, batch: Any, **headers: str) -> str:
        """Submit a Batch that has to be accepted, and return its id."""
        answer = await self.call("POST", "/v1/batches", batch, **headers)
        assert answer.status == 202, answer.json
        return str(answer.json["batch"])

    async def done(self, batch: str) -> Any:
        """The Batch's status when its last Outcome is known."""
        answer = await self.call("GET", f"/v1/batches/{batch}", prefer=f"wait={WAIT_S}")
        assert answer.json["done"], answer.json
        return answer.json

    async def deliveries(self, batch: str) -> list[Any]:
        answer = await self.call("GET", f"/v1/batches/{batch}/deliveries?limit=1000")
        return list(answer.json["deliveries"])

    async def idle(self) -> None:
        """Return when no stage has anything to do."""
        await asyncio.wait_for(self.station.relay.idle(), WAIT_S)

    async def keys(self, prefix: str = "") -> list[str]:
        return [entry.key async for entry in list_all(self.store, prefix)]


def as_body(body: Any) -> bytes:
    """Bytes as they are; nothing for None; else JSON."""
    if body is None or isinstance(body, bytes):
        return body or b""
    return json.dumps(body).encode()


def answer_of(response: Any) -> Answer:
    kind = response.headers.get("content-type", "")
    parsed = json.loads(response.body) if response.body and "json" in kind else response.body
    return Answer(response.status, parsed, dict(response.headers))


@asynccontextmanager
async def running_station(
    store_url: str = "memory:",
    *,
    refuse: Refuse | None = None,
    http: bool = False,
    algorithms: tuple[Algorithm, ...] = ("ed25519-sha256",),
    **options: str,
) -> AsyncIterator[Here]:
    """`options` are those of the configuration, with `__` for the dot: `validate__bag_size="3"`.

    `refuse` says which recipients the sink refuses (`ekiden.sink`). A store that knows the Domain
    from an earlier Station keeps it, and gets a new API key.
    """
    sink = Sink(refuse)
    port = await sink.start()
    settings = settings_for(store_url, f"smtp://127.0.0.1:{port}", **options)
    try:
        async with running(settings) as station:
            api_key = await _domain_of(station.store, list(algorithms))
            if http:
                async with _listening(station) as url:
                    yield Here(station, sink, api_key, url)
            else:
                yield Here(station, sink, api_key)
    finally:
        await sink.close()


def settings_for(store_url: str, route: str, **options: str) -> config.Config:
    """The configuration, from defaults and these options alone."""
    given = {"dispatch.workers": "1", "send.route": route, "send.hostname": "station.invalid"}
    given["submit.max_recipients"] = "10000"  # as many as fit in Bags of one
    given |= {name.replace("__", "."): value for name, value in options.items()}
    loaded = config.load(environ={}, flags=given)
    return msgspec.structs.replace(loaded, store=config.Store(url=store_url))


async def _domain_of(store: Store, algorithms: list[Algorithm]) -> str:
    if not [entry async for entry in list_all(store, f"domains/{DOMAIN}/")]:
        await add_domain(store, DOMAIN, algorithms, time.time())
    return await add_api_key(store, DOMAIN, "test", time.time())


@asynccontextmanager
async def _listening(station: Station) -> AsyncIterator[str]:
    """Serve HTTP on a free port."""
    handler = application(station.handle, body_limit(station.config))
    server = uvicorn.Server(
        uvicorn.Config(handler, log_config=None, access_log=False, lifespan="off")
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:  # connects before uvicorn accepts
        serving = asyncio.create_task(server.serve([listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


def run(story: Callable[[], Awaitable[None]]) -> None:
    """Run an async story to its end, or fail when it hangs."""

    async def bounded() -> None:
        await asyncio.wait_for(story(), 2 * WAIT_S)

    asyncio.run(bounded())
