"""notify as a function: each event names a work object."""

from functools import cache
from typing import TYPE_CHECKING

import functions_framework.aio

from shared import face

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


@cache
def _face() -> face.Face:
    from functions.notify import assemble

    config, store = face.environment()
    return face.of_stage(config, assemble.stage(config, store)[0], store)


@functions_framework.aio.http
async def notify(request: "Request") -> "Response":
    return await face.serve(request, _face)
