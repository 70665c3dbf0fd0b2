"""One endpoint, as routing and the OpenAPI document both need it."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec

from functions.admin.principal import Principal
from shared.http import Problem, Request, Response

_PARAMETER = re.compile(r"\{([a-z_]+)\}")
_MOST_DIGITS = 10
ADDRESS = "address"
"""The parameter that may have slashes (RFC 5321 §4.1.2): what the server has decoded does not tell
them from those between the parts. It is the last one."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request that may be made, read."""

    request: Request
    principal: Principal
    parameters: Mapping[str, str]
    """Of the path."""
    body: Any = None
    """As the route's `body` type; None without one."""

    @property
    def domain(self) -> str:
        return self.parameters["domain"]

    def number(self, name: str, default: int, most: int) -> int:
        """A number in the query. Raises `Problem`."""
        text = self.request.parameter(name, str(default))
        is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
        if not is_number or not 0 < int(text) <= most:
            detail = f"{name}: {text[:50]!r} is no number from 1 to {most}"
            raise Problem(422, "invalid_parameter", detail)
        return int(text)


Handler = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Query:
    """A query parameter, for the document."""

    name: str
    meaning: str
    kind: str = "string"
    required: bool = False


PAGE = (
    Query("after", "What the page before gave as `next`."),
    Query("limit", "1 to 1000; 100 unless told.", "integer"),
)


@dataclass(frozen=True)
class Route:
    """`GET /v1/…/{name}`: a parameter is one part of the path, percent-decoded by the server."""

    method: str
    path: str
    scope: str
    """What the caller needs: `send`, `read`, `admin` for its own Domain, or `operator`."""
    handler: Handler
    summary: str
    answer: type | None = None
    """The model of the answer's JSON; None: there is no body, or none that is JSON."""
    status: int = 200
    body: type | None = None
    query: tuple[Query, ...] = field(default=())

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        path = self.path.replace(f"{{{ADDRESS}}}", f"(?P<{ADDRESS}>.+)")
        return re.compile(_PARAMETER.sub(r"(?P<\1>[^/]+)", path))

    @property
    def names(self) -> list[str]:
        """Of the path's parameters."""
        return _PARAMETER.findall(self.path)

    def read(self, body: bytes) -> Any:
        """The body as its model. Raises `Problem`."""
        if self.body is None:
            return None
        try:
            return msgspec.json.decode(body, type=self.body)
        except msgspec.ValidationError as error:
            raise Problem(422, "invalid_request", str(error)) from error
        except RecursionError as error:
            raise Problem(422, "invalid_request", "it is nested too deep") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Problem(400, "malformed_json", str(error)) from error
