"""API keys of a Domain: made and shown once, listed, deactivated. No answer ever has their hash.

Who is no operator gives away what it has itself, no more: to make keys that send, a key needs the
scopes `admin` and `send`, and what a key that expires makes expires no later.
"""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from functions.admin.parts import Parts
from functions.admin.route import PAGE, Call, Route
from shared import keys
from shared.address import is_printable
from shared.domains import ADMIN, SCOPES, USUAL_SCOPES, ApiKey, new_api_key
from shared.errors import NotFound
from shared.http import Problem, Response, as_json
from shared.provision import (
    Unknown,
    deactivate_api_key,
    keep_api_key,
    read_api_key,
    read_domain,
)

_MAX_LISTED = 200
_LATEST_S = 253_402_300_799.0  # the end of 9999


class NewApiKey(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What a new API key is for."""

    name: Annotated[str, Meta(max_length=200)] = ""
    scopes: Annotated[tuple[str, ...], Meta(min_length=1)] = USUAL_SCOPES
    """`send`: submit. `read`: see what became of it. `admin`: change the Domain."""
    expires_at: float = 0.0
    """Seconds since 1970; 0: never."""


class ApiKeyShown(msgspec.Struct, frozen=True, kw_only=True):
    """An API key, but for its secret part."""

    id: str
    name: str
    scopes: list[str]
    created_at: float
    expires_at: float
    active: bool
    """It was not deactivated, and has not expired."""


class ApiKeyMade(ApiKeyShown, frozen=True, kw_only=True):
    """A new API key. This is the only time that it is shown."""

    key: str


class ApiKeyPage(msgspec.Struct, frozen=True):
    """API keys by id."""

    keys: list[ApiKeyShown]
    next: str = ""
    """Empty: there is no more."""


class ApiKeys:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._store = parts.store

    async def add(self, call: Call) -> Response:
        wish: NewApiKey = call.body
        now = self._parts.clock()
        scopes = _scopes(call, wish.scopes)
        await self._check_end(call, wish.expires_at)
        if not is_printable(wish.name):
            raise Problem(422, "refused", "name has a line end or another control character")
        if wish.expires_at and not now < wish.expires_at < _LATEST_S:
            raise Problem(422, "refused", "expires_at has passed, or is no time")
        key, record = new_api_key(call.domain, wish.name, now, wish.expires_at, scopes)
        await keep_api_key(self._store, call.domain, record)
        made = ApiKeyMade(**msgspec.structs.asdict(self._shown(record)), key=key)
        place = f"/v1/domains/{call.domain}/keys/{record.id}"
        return as_json(201, made, location=place, cache_control="no-store")

    async def list(self, call: Call) -> Response:
        limit = call.number("limit", 100, _MAX_LISTED)
        await read_domain(self._store, call.domain)
        after = call.request.parameter("after")
        start = keys.api_key(call.domain, after) if after else ""
        page = await self._store.list_page(keys.api_keys(call.domain), start, limit)
        ids = [keys.parse_api_key(entry.key) for entry in page]
        read = [read_api_key(self._store, call.domain, each) for each in ids]
        found = await asyncio.gather(*read, return_exceptions=True)
        shown = [self._listed(each) for each in found if not isinstance(each, NotFound)]
        return as_json(200, ApiKeyPage(shown, ids[-1] if len(ids) == limit else ""))

    async def get(self, call: Call) -> Response:
        record, _ = await read_api_key(self._store, call.domain, _id(call))
        return as_json(200, self._shown(record))

    async def deactivate(self, call: Call) -> Response:
        await deactivate_api_key(self._store, call.domain, _id(call))
        return Response(204)

    async def _check_end(self, call: Call, expires_at: float) -> None:
        """Raises `Problem` if the new key would outlive the one that makes it."""
        if call.principal.is_operator:
            return
        own, _ = await read_api_key(self._store, call.domain, call.principal.key_id)
        if own.expires_at and not 0 < expires_at <= own.expires_at:
            detail = f"this key ends at {own.expires_at:.0f}, and so does what it makes: expires_at"
            raise Problem(403, "forbidden", detail)

    def _listed(self, found: tuple[ApiKey, str] | BaseException) -> ApiKeyShown:
        if isinstance(found, BaseException):
            raise found
        return self._shown(found[0])

    def _shown(self, record: ApiKey) -> ApiKeyShown:
        expired = record.expires_at and record.expires_at <= self._parts.clock()
        return ApiKeyShown(
            id=record.id,
            name=record.name,
            scopes=list(record.scopes),
            created_at=record.created_at,
            expires_at=record.expires_at,
            active=record.active and not expired,
        )


def _id(call: Call) -> str:
    key_id = call.parameters["id"]
    if not key_id.isascii() or not key_id.isalnum():
        raise Unknown(f"{call.domain} has no API key {key_id!r}")
    return key_id


def _scopes(call: Call, asked: Sequence[str]) -> list[str]:
    """Raises `Problem`."""
    for scope in asked:
        if scope not in SCOPES:
            detail = f"scopes: {scope[:50]!r} is none of {', '.join(SCOPES)}"
            raise Problem(422, "invalid_request", detail)
        if not call.principal.is_operator and scope not in call.principal.scopes:
            raise Problem(403, "forbidden", f"who has no scope {scope!r} cannot give it")
    return [scope for scope in SCOPES if scope in asked]


def routes(parts: Parts) -> list[Route]:
    own = ApiKeys(parts)
    path = "/v1/domains/{domain}/keys"
    return [
        Route("POST", path, ADMIN, own.add, "Make an API key", ApiKeyMade, 201, NewApiKey),
        Route("GET", path, ADMIN, own.list, "List API keys", ApiKeyPage, query=PAGE),
        Route("GET", f"{path}/{{id}}", ADMIN, own.get, "See an API key", ApiKeyShown),
        Route(
            "DELETE", f"{path}/{{id}}", ADMIN, own.deactivate, "Deactivate an API key", status=204
        ),
    ]
