"""The least that a function can be, synchronous: the peer for import times."""

import functions_framework
from flask import Request


@functions_framework.http
def bare_sync(request: Request) -> tuple[str, int]:
    return "", 204
