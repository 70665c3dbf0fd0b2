"""HTTP as the functions see it: a request, a response, and a problem. No framework in sight.

The same handler runs under functions-framework (`main.py` of each function) and in the local
process (`ekiden serve`); each adapts its own request to `Request`.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import msgspec

from shared.errors import Permanent

PROBLEM_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, read whole."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = b""
    query: str = ""

    def parameter(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return self.parameters(name, default)[0]

    def parameters(self, name: str, default: str = "") -> list[str]:
        """All values of a query parameter, or the default alone."""
        try:
            return parse_qs(self.query, errors="strict").get(name) or [default]
        except UnicodeDecodeError as error:
            raise Problem(422, "invalid_parameter", "the query is no UTF-8") from error


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def as_json(status: int, value: Any, **headers: str) -> Response:
    """A JSON response; header names are given with `_` for `-`."""
    named = {name.replace("_", "-").lower(): text for name, text in headers.items()}
    return Response(
        status, msgspec.json.encode(value), {"content-type": "application/json", **named}
    )


class Problem(Permanent):
    """A refusal that names what to change (RFC 9457)."""

    def __init__(self, status: int, kind: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        """A stable word, documented in docs/reference.md."""
        self.detail = detail
        self.more = more

    def response(self) -> Response:
        members = {
            "type": f"urn:ekiden:problem:{self.kind}",
            "title": self.kind.replace("_", " "),
            "status": self.status,
            "detail": self.detail,
            **self.more,
        }
        headers = {"content-type": PROBLEM_TYPE}
        if self.status == 401:
            headers["www-authenticate"] = 'Basic realm="ekiden", charset="UTF-8"'
        if self.status == 405:
            headers["allow"] = str(self.more["allow"])  # RFC 9110 §15.5.6
        if self.status in (429, 503):
            headers["retry-after"] = "1"
        return Response(self.status, msgspec.json.encode(members), headers)


def credentials(request: Request) -> tuple[str | None, str]:
    """(user or None, secret) of `Basic` (RFC 7617) or `Bearer` (RFC 6750). Raises `Problem`."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value:
        return None, value.strip()
    if scheme.lower() == "basic":
        try:
            user, colon, secret = base64.b64decode(value, validate=True).decode().partition(":")
        except ValueError:  # no base 64, no ASCII, or no UTF-8 in it
            colon = ""
        if colon:
            return user.lower(), secret
    raise Problem(
        401, "unauthenticated", "send 'Authorization: Basic base64(<domain>:<api key>)' or 'Bearer'"
    )
