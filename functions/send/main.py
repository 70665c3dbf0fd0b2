"""send as a function: each event names a work object."""

from functools import cache
from typing import TYPE_CHECKING

import functions_framework.aio

from shared import face

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


@cache
def _handler() -> face.Handler:
    from functions.send import assemble

    config, store = face.environment()
    stage, _ = assemble.stage(config, store)
    return face.events(stage, store)


@functions_framework.aio.http
async def send(request: "Request") -> "Response":
    return await face.serve(request, _handler)
