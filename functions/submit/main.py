"""submit as a function: `functions-framework-python --target submit --source …/main.py`.

`POST /` with an event is the inbox; every other path is the HTTP API.
"""

from functools import cache
from typing import TYPE_CHECKING

import functions_framework.aio

from shared import face

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


@cache
def _handler() -> face.Handler:
    from functions.submit import assemble
    from shared.http import Request as OurRequest
    from shared.http import Response as OurResponse
    from shared.watch import Watch

    config, store = face.environment()
    core = assemble.submit(config, store)
    api = assemble.face(config, core, Watch(), lambda _ready: None)  # the bucket's events wake
    inbox = face.events(assemble.stage(core), store)

    async def handle(request: OurRequest) -> OurResponse:
        is_event = request.method == "POST" and request.path in ("", "/")
        return await (inbox if is_event else api.handle)(request)

    return handle


@functions_framework.aio.http
async def submit(request: "Request") -> "Response":
    return await face.serve(request, _handler)
