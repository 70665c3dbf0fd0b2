"""How a function answers under functions-framework (HTTP signature, Starlette requests).

What is needed to answer is put together at the first request: the module is imported before
gunicorn forks, and a thread, a loop or a client made then would be dead in the worker.

An event is answered as Knative's Broker understands it: 204 dealt with (also if that was done
already, or the work went to `failed/`), 400 no event, 409 held by another, 503 try again.
"""

import time
from collections.abc import Awaitable, Callable
from functools import cache
from typing import TYPE_CHECKING

from shared import keys
from shared.errors import Busy, Malformed, Misconfigured, Temporary
from shared.http import Problem, Request, Response, as_json
from shared.stage import Stage, Wake, run

if TYPE_CHECKING:
    from starlette.requests import Request as StarletteRequest
    from starlette.responses import Response as StarletteResponse

    from shared.config import Config
    from shared.store.base import Store

Handler = Callable[[Request], Awaitable[Response]]
HEALTH_PATHS = frozenset({"/healthz", "/_/health", "/_/ready"})


@cache
def environment() -> "tuple[Config, Store]":
    """The configuration and the store of this process."""
    from shared.config import load
    from shared.store import open_store

    config = load()
    return config, open_store(config.store.url)


async def serve(request: "StarletteRequest", handler: Callable[[], Handler]) -> "StarletteResponse":
    """Answer one request; health first, before anything is put together."""
    from starlette.responses import Response as StarletteResponse

    if request.url.path in HEALTH_PATHS:
        return StarletteResponse(b"ok")
    ours = Request(
        method=request.method,
        path=request.url.path,
        headers=request.headers,
        body=await request.body(),
        query=request.url.query,
    )
    try:
        answer = await handler()(ours)
    except Misconfigured as error:
        answer = Problem(500, "misconfigured", str(error)).response()
    return StarletteResponse(answer.body, answer.status, dict(answer.headers))


def events(stage: Stage, store: "Store") -> Handler:
    """The event face of a stage."""

    async def handle(request: Request) -> Response:
        from shared.events import keys_of

        try:
            named = keys_of(request.body)
        except Malformed as error:
            return Problem(400, "no_event", str(error)).response()
        try:
            for key in named:
                if keys.stage_of(key) == stage.name:
                    await run(stage, store, time.time, Wake(key))
        except Busy as error:
            return as_json(409, {"detail": str(error)})
        except Temporary as error:
            return Problem(503, "unavailable", str(error)).response()
        return Response(204)

    return handle
