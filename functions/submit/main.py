"""submit as a function: `functions-framework-python --target submit --source …/main.py --asgi`.

`/` takes the events of the inbox; every other path is the HTTP API.
"""

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import functions_framework.aio

from shared import face

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


@cache
def _face() -> face.Face:
    from functions.submit import assemble
    from shared.http import Request as OurRequest
    from shared.http import Response as OurResponse
    from shared.watch import Watch

    config, store = face.environment()
    core = assemble.submit(config, store)
    api = assemble.face(config, core, Watch(), lambda _ready: None)  # the bucket's events wake
    inbox = face.of_stage(config, assemble.stage(core), store)

    async def handle(request: OurRequest) -> OurResponse:
        return await (inbox if request.path in ("", "/") else api).handle(request)

    return replace(inbox, handle=handle, most_body_bytes=config.http.max_body)


@functions_framework.aio.http
async def submit(request: "Request") -> "Response":
    return await face.serve(request, _face)
