"""The functions' HTTP faces as one ASGI application, for the local process."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from shared.http import Problem, Request, Response

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Handler = Callable[[Request], Awaitable[Response]]


Limit = Callable[[str], int]
"""Path → bytes of a body that are read."""


def at_most(max_body_bytes: int) -> Limit:
    """The same for every path."""
    return lambda path: max_body_bytes


def application(handler: Handler, limit: Limit) -> Callable[..., Awaitable[None]]:
    """An ASGI 3 application that reads each request whole, up to its path's limit."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        max_body_bytes = limit(scope["path"])
        body = await _body(scope, receive, max_body_bytes)
        if body is None:
            detail = f"the body has more than {max_body_bytes} bytes"
            response = Problem(413, "body_too_large", detail).response()
        else:
            response = await handler(_request(scope, body))
        await _answer(response, send)

    return app


def _request(scope: Scope, body: bytes) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope["query_string"].decode("latin-1")
    return Request(scope["method"], scope["path"], headers, body, query)


async def _body(scope: Scope, receive: Receive, most: int) -> bytes | None:
    """The body, or None if it is too long. Read to the end, so that the client hears why."""
    announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    body = bytearray()
    too_long = announced.isdigit() and int(announced) > most
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        too_long = too_long or len(body) + len(message.get("body", b"")) > most
        if not too_long:
            body += message.get("body", b"")
        if not message.get("more_body"):
            return None if too_long else bytes(body)


async def _answer(response: Response, send: Send) -> None:
    headers = [
        (name.encode("latin-1"), text.encode("latin-1")) for name, text in response.headers.items()
    ]
    headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
