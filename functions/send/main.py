"""send as a function: each event names a work object."""

from functools import cache
from typing import TYPE_CHECKING

import functions_framework.aio

from shared import face

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


@cache
def _face() -> face.Face:
    from functions.send import assemble

    config, store = face.environment()
    stage, transmitter = assemble.stage(config, store)
    # What waits for a slow server is given back, and taken by another; what is on the wire ends.
    face.at_sigterm(transmitter.stop)
    return face.of_stage(config, stage, store)


@functions_framework.aio.http
async def send(request: "Request") -> "Response":
    return await face.serve(request, _face)
