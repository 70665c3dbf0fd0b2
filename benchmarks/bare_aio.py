"""The least that a function can be, asynchronous: the peer for import times."""

import functions_framework.aio
from starlette.requests import Request


@functions_framework.aio.http
async def bare_aio(request: Request) -> tuple[str, int]:
    return "", 204
