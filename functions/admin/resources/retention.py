"""What of a Domain's is kept for a shorter time than by the installation.

For operators alone: who steals a key of the Domain must not be able to delete what it has sent.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from functions.admin import etags
from functions.admin.parts import Parts
from functions.admin.principal import OPERATOR
from functions.admin.route import Call, Route
from shared.domain_retention import wishes
from shared.domain_retention.wanted import (
    BATCHES,
    CALLS,
    EVENTS,
    LEAST_DAYS,
    MOST_DAYS,
    RECEIVED,
)
from shared.domains import READ
from shared.http import Response, as_json


def _days(kind: str) -> Meta:
    return Meta(ge=LEAST_DAYS[kind], le=MOST_DAYS)


class Retention(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Whole days; null, or left out: as the installation. Whichever ends first counts."""

    batches: Annotated[int, _days(BATCHES)] | None = None
    """With their Outcomes, and what they were made from."""
    events: Annotated[int, _days(EVENTS)] | None = None
    received: Annotated[int, _days(RECEIVED)] | None = None
    """Mail for the Domain's people."""
    calls: Annotated[int, _days(CALLS)] | None = None
    """What Webhooks were told, and what they answered."""


class DomainRetention:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._store = parts.store

    async def get(self, call: Call) -> Response:
        await self._parts.directory.domain(call.domain)
        days, etag = await wishes.load(self._store, call.domain)
        return as_json(200, Retention(**days), **({"etag": etags.shown(etag)} if etag else {}))

    async def put(self, call: Call) -> Response:
        await self._parts.directory.domain(call.domain)
        _, etag = await wishes.load(self._store, call.domain)
        asked = etags.wanted(call.request, etag)
        given = msgspec.structs.asdict(call.body)
        days = {kind: number for kind, number in given.items() if number is not None}
        await wishes.keep(self._store, call.domain, days, etag if asked is None else asked)
        return await self.get(call)


def routes(parts: Parts) -> list[Route]:
    own = DomainRetention(parts)
    path = "/v1/domains/{domain}/retention"
    see, say = "See what is kept less long", "Say what is kept less long, all at once"
    return [
        Route("GET", path, READ, own.get, see, Retention),
        Route("PUT", path, OPERATOR, own.put, say, Retention, body=Retention),
    ]
