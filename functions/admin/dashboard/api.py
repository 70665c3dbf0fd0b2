"""The operator API, called in the name of who is logged in."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from functions.admin.face import AdminFace
from functions.admin.principal import Principal
from shared.http import Request


class Api:
    """Endpoints may be missing: see `has`."""

    def __init__(self, face: AdminFace, who: Principal) -> None:
        self._face = face
        self._who = who

    async def get(self, path: str, **query: str) -> Any:
        """What it answers, as plain objects. The page itself is on record, so this is not."""
        given = urlencode({name: value for name, value in query.items() if value})
        return await self._call(Request("GET", path, {}, b"", given), on_record=False)

    async def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Change something: on record as if the operator had called it."""
        sent = b"" if body is None else msgspec.json.encode(body)
        return await self._call(Request(method, path, {}, sent), on_record=True)

    def has(self, method: str, template: str) -> bool:
        """Whether there is such an endpoint."""
        return any(route.method == method and route.path == template for route in self._face.routes)

    async def _call(self, request: Request, *, on_record: bool) -> Any:
        answer = await self._face.operate(request, self._who, on_record=on_record)
        is_json = "json" in answer.headers.get("content-type", "")
        return msgspec.json.decode(answer.body) if answer.body and is_json else answer.body


def path(*parts: str) -> str:
    """A path of the API; each part is percent-encoded, `.` and `..` too."""
    encoded = [quote(part, safe="@") for part in parts]
    return "/v1/" + "/".join(
        part.replace(".", "%2E") if set(part) == {"."} else part for part in encoded
    )
