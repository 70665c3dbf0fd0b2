"""What was decided about calls (K15), day by day. There is something where `audit.enabled`."""

import asyncio
import re

import msgspec

from functions.admin.audit import Record
from functions.admin.parts import Parts
from functions.admin.principal import OPERATOR
from functions.admin.route import PAGE, Call, Query, Route
from shared import keys
from shared.errors import NotFound
from shared.http import Problem, Response, as_json
from shared.store.base import Object

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MAX_LISTED = 200


class AuditRecord(Record, frozen=True, kw_only=True, omit_defaults=False):
    """One decision whether a call may be made."""

    id: str


class AuditPage(msgspec.Struct, frozen=True):
    """Decisions of one day, the earliest first."""

    records: list[AuditRecord]
    next: str = ""
    """Empty: there is no more."""


class AuditTrail:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._store = parts.store

    async def list(self, call: Call) -> Response:
        limit = call.number("limit", 100, _MAX_LISTED)
        day = call.request.parameter("day", keys.day(self._parts.clock()))
        if not _DAY.fullmatch(day):
            raise Problem(422, "invalid_parameter", f"day: write it like 2026-11-21, not {day!r}")
        prefix, after = keys.audit_of_day(day), call.request.parameter("after")
        start = keys.audit_record(day, after) if after else ""
        page = await self._store.list_page(prefix, start, limit)
        ids = [keys.parse_audit(entry.key) for entry in page]
        read = [self._store.get(entry.key) for entry in page]
        found = zip(ids, await asyncio.gather(*read, return_exceptions=True), strict=True)
        # What is past its retention may be deleted while it is listed.
        shown = [_shown(*each) for each in found if not isinstance(each[1], NotFound)]
        return as_json(200, AuditPage(shown, ids[-1] if len(ids) == limit else ""))


def _shown(record_id: str, found: Object | BaseException) -> AuditRecord:
    if isinstance(found, BaseException):
        raise found
    record = msgspec.json.decode(found.body, type=Record)
    return AuditRecord(id=record_id, **msgspec.structs.asdict(record))


def routes(parts: Parts) -> list[Route]:
    day = Query("day", "In UTC, as in 2026-11-21; today unless told.")
    trail = AuditTrail(parts)
    return [
        Route(
            "GET",
            "/v1/audit",
            OPERATOR,
            trail.list,
            "See who was let in",
            AuditPage,
            query=(day, *PAGE),
        )
    ]
