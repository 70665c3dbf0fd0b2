"""How a function answers under functions-framework (HTTP signature, Starlette requests).

What is needed to answer is put together at the first request: the module is imported before
gunicorn forks, and a thread, a loop or a client made then would be dead in the worker.

Health comes first, without a token: `/healthz` and `/_/health` say that the process lives,
`/readyz` and `/_/ready` that its store answers. What events are answered: `shared/event_face.py`.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from types import FrameType
from typing import TYPE_CHECKING

from shared import traces
from shared.errors import Misconfigured
from shared.http import Problem, Request, Response

if TYPE_CHECKING:
    from starlette.requests import Request as StarletteRequest
    from starlette.responses import Response as StarletteResponse

    from shared.config import Config
    from shared.stage import Stage
    from shared.store.base import Store

log = logging.getLogger("ekiden.function")

Handler = Callable[[Request], Awaitable[Response]]
LIVE_PATHS = frozenset({"/healthz", "/_/health"})
READY_PATHS = frozenset({"/readyz", "/_/ready"})


@dataclass(frozen=True, slots=True)
class Face:
    """All that one function answers."""

    handle: Handler
    ready: Callable[[], Awaitable[Response]]
    most_body_bytes: int


@cache
def environment() -> "tuple[Config, Store]":
    """The configuration and the store of this process. Begins to log and, where that is wanted, to
    trace. To be called from a request. Raises `Misconfigured`."""
    from shared import logs
    from shared.config import load
    from shared.store import open_store

    logs.set_up_function("info")
    config = load(instead={"log.format": "json"})
    plain = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    logs.set_up_function(config.log.level, plain if config.log.format == "text" else None)
    store = open_store(config.store.url)
    traces.set_up(f"ekiden-{os.environ.get('FUNCTION_TARGET', 'function')}", os.environ)
    if traces.spans is not None:
        _flush_at_sigterm()
    return config, store


def of_stage(config: "Config", stage: "Stage", store: "Store") -> Face:
    """The face of a function that only takes events."""
    from shared.event_face import MOST_EVENT_BYTES, EventFace
    from shared.events.scope import Scope, prefix_of
    from shared.readiness import Readiness

    scope = Scope(stage.name, config.events.bucket, prefix_of(config.store.url))
    events = EventFace(stage, store, scope, config.events.token)
    ready = Readiness(store, stage.name, events.counts)
    return Face(events.handle, ready.answer, MOST_EVENT_BYTES)


async def serve(request: "StarletteRequest", face: Callable[[], Face]) -> "StarletteResponse":
    """Answer one request."""
    from starlette.background import BackgroundTask
    from starlette.requests import ClientDisconnect
    from starlette.responses import Response as StarletteResponse

    if request.scope["path"] in LIVE_PATHS:
        return StarletteResponse(b'{"status":"ok"}', media_type="application/json")
    try:
        answer = await _answer(request, face())
    except Misconfigured as error:
        log.error("this function cannot run: %s", error)
        answer = Problem(500, "misconfigured", str(error)).response()
    except ClientDisconnect:  # nobody hears it
        answer = Response(400)
    # The request counts as open until its rest is done: so a stop waits for it.
    rest = getattr(answer, "rest", None)
    later = BackgroundTask(_afterwards, rest) if rest or _is_ending else None
    return StarletteResponse(answer.body, answer.status, dict(answer.headers), background=later)


async def _afterwards(rest: "asyncio.Task[object] | None") -> None:
    if rest:
        await asyncio.wait([rest])
    if _is_ending:
        from shared.trace_export import flush

        await flush()


async def _answer(request: "StarletteRequest", face: Face) -> Response:
    # Not `request.url`: it puts a URL together, only to take it apart again.
    path, query = request.scope["path"], request.scope["query_string"].decode("latin-1")
    if path in READY_PATHS:
        return await face.ready()
    headers = dict(request.headers.items())
    has_body = "content-length" in headers or "transfer-encoding" in headers  # RFC 9112 §6.3
    body = await _body(request, face.most_body_bytes) if has_body else b""
    if body is None:
        detail = f"the body has more than {face.most_body_bytes} bytes"
        return Problem(413, "body_too_large", detail).response()
    return await face.handle(Request(request.method, path, headers, body, query))


async def _body(request: "StarletteRequest", most: int) -> bytes | None:
    """The body, or None if it is too long. Read to the end, so that the client hears why."""
    body = bytearray()
    too_long = False
    async for chunk in request.stream():
        too_long = too_long or len(body) + len(chunk) > most
        if too_long:
            body.clear()
        else:
            body += chunk
    return None if too_long else bytes(body)


def at_sigterm(stop: Callable[[], None]) -> None:
    """Call `stop` when the platform ends this process; the web server's own stop follows.

    To be called from a request: before, the server has not set its own handler.
    """
    loop = asyncio.get_running_loop()
    previous = signal.getsignal(signal.SIGTERM)

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop)
        if callable(previous):
            previous(number, frame)

    signal.signal(signal.SIGTERM, handle)


_is_ending = False
"""The spans so far are exported; each request that still ends exports its own."""


def _flush_at_sigterm() -> None:
    """Export the last spans before the web server stops: it ends the process by the same signal,
    and nothing can be done behind it. Requests are still taken meanwhile."""
    loop = asyncio.get_running_loop()
    previous = signal.getsignal(signal.SIGTERM)

    def go_on(number: int, frame: FrameType | None) -> None:
        if callable(previous):
            loop.call_soon_threadsafe(previous, number, frame)

    def handle(number: int, frame: FrameType | None) -> None:
        global _is_ending
        if _is_ending:
            return
        _is_ending = True
        from shared.trace_export import flush_then

        flush_then(lambda: go_on(number, frame))

    signal.signal(signal.SIGTERM, handle)
