"""sweep as a function: a timer calls it."""

from functools import cache
from typing import TYPE_CHECKING

import functions_framework.aio

from shared import face

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


@cache
def _face() -> face.Face:
    from functions.sweep import assemble
    from functions.sweep.face import MOST_BODY_BYTES, TimerFace

    config, store = face.environment()
    timer = TimerFace(assemble.sweeping(config, store), store)
    return face.Face(timer.handle, timer.ready, MOST_BODY_BYTES)


@functions_framework.aio.http
async def sweep(request: "Request") -> "Response":
    return await face.serve(request, _face)
