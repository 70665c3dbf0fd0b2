"""track as a function: `functions-framework-python --target track --source …/main.py --asgi`."""

import gc
from functools import cache
from typing import TYPE_CHECKING

import functions_framework.aio

from shared import face

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

MOST_BODY_BYTES = 64 * 1024
"""RFC 8058 §3.2: a form with one field."""


COLLECT_AFTER = 100_000
"""Objects, some 10 MB; Python's own 700 are made by a dozen requests."""


@cache
def _face() -> face.Face:
    from functions.track import assemble
    from shared.readiness import listing

    config, store = face.environment()
    # The collector would look, several times, at all requests that wait for their write together,
    # and at all modules: a tenth of the time that an open takes.
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    return face.Face(assemble.face(config, store).handle, listing(store), MOST_BODY_BYTES)


@functions_framework.aio.http
async def track(request: "Request") -> "Response":
    return await face.serve(request, _face)
