"""A record of each decision whether a call may be made (K15). Off unless `audit.enabled`.

audit/<day>/<id>.json, one object each: a decision that is not on record is not carried out.
"""

import secrets

import msgspec

from functions.admin.principal import Principal
from shared import keys
from shared.http import Request
from shared.ids import batch_id
from shared.stage import Clock
from shared.store.base import Store


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One decision."""

    at: float
    who: str
    attribution: str = ""
    method: str
    path: str
    allowed: bool
    why: str = ""
    """A stable word, if it was not."""


class Audit:
    """Writes records, or does nothing."""

    def __init__(self, store: Store, clock: Clock, *, enabled: bool) -> None:
        self._store = store
        self._clock = clock
        self._enabled = enabled

    async def decided(self, request: Request, who: Principal | None, refused: str = "") -> None:
        """Before the call is carried out. Raises `Temporary` if it cannot be put on record."""
        if not self._enabled:
            return
        now = self._clock()
        record = Record(
            at=now,
            who=str(who) if who else "nobody",
            attribution=who.attribution if who else "",
            method=request.method,
            path=request.path,
            allowed=not refused,
            why=refused,
        )
        place = keys.audit(now, batch_id(now, secrets.token_bytes(10)))
        await self._store.create(place, msgspec.json.encode(record))
