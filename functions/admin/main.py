"""admin as a function: `functions-framework-python --target admin --source …/main.py --asgi`."""

from functools import cache
from typing import TYPE_CHECKING

import functions_framework.aio

from shared import face

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


@cache
def _face() -> face.Face:
    from functions.admin import assemble
    from functions.admin.face import MOST_BODY_BYTES
    from shared.readiness import listing

    config, store = face.environment()
    return face.Face(assemble.face(config, store).handle, listing(store), MOST_BODY_BYTES)


@functions_framework.aio.http
async def admin(request: "Request") -> "Response":
    return await face.serve(request, _face)
