"""Which addresses of this machine mail leaves from, and how much a new one may send.

A pool is a list of addresses. Those that are warm take turns. One that is new sends to each site
what its day allows; what no address may send waits until tomorrow.

    control/warmup/<address>/<day>.json    site → mails, counted before they go
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from itertools import count

import msgspec

from functions.send.destinations.warmup import allowance
from functions.send.smtp.target import Source
from shared import keys
from shared.errors import AlreadyExists, Changed, EkidenError, NotFound
from shared.stage import Clock
from shared.store.base import Store

DEFAULT = "default"
MOST_TRIES = 5
log = logging.getLogger("ekiden.send")

_COUNTS = msgspec.json.Decoder(dict[str, int])

Share = tuple[Source | None, int]
"""(sending address or None for the machine's own choice, how many mails leave from it)"""


class Sources:
    """The pools of this process."""

    def __init__(
        self,
        pools: Mapping[str, Sequence[Source]],
        first_days: Mapping[str, date],
        store: Store,
        clock: Clock,
    ) -> None:
        self._pools = pools
        self._first_days = first_days
        self._store = store
        self._clock = clock
        self._turn = count()

    async def share(self, pool: str, site: str, mails: int) -> list[Share]:
        """How many of these mails may leave from which address now; the rest may tomorrow."""
        members = self._pools.get(pool) or self._pools.get(DEFAULT)
        if not members:
            return [(None, mails)]
        today = datetime.fromtimestamp(self._clock(), UTC).date()
        warm: list[Source] = []
        shares: list[Share] = []
        for source in members:
            allowed = self._allowance(source, today)
            if allowed is None:
                warm.append(source)
            elif mails:
                taken = await self._take(source, site, mails, allowed)
                shares += [(source, taken)] if taken else []
                mails -= taken
        if warm and mails:
            shares.append((warm[next(self._turn) % len(warm)], mails))
        return shares

    async def give_back(self, address: str, site: str, mails: int) -> None:
        """So many did not leave after all. Lost when the process dies before: the address then
        sends less today than it might."""
        if address not in self._first_days:
            return
        key = keys.warmup(address, self._clock())
        for _ in range(MOST_TRIES):
            with suppress(EkidenError):
                counts, etag = await self._read(key)
                if not counts or not etag:
                    return
                counts[site] = max(0, counts.get(site, 0) - mails)
                await self._write(key, counts, etag)
                return

    def seconds_to_tomorrow(self) -> float:
        return 86400 - self._clock() % 86400

    def _allowance(self, source: Source, today: date) -> int | None:
        first_day = self._first_days.get(source.address)
        return None if first_day is None else allowance(first_day, today)

    async def _take(self, source: Source, site: str, wanted: int, allowed: int) -> int:
        """Count up to `wanted` mails against the day. Counted before they are sent: an address
        must not send too much because a process died."""
        key = keys.warmup(source.address, self._clock())
        while True:
            counts, etag = await self._read(key)
            if counts is None:
                log.warning("%s cannot be read: nothing more leaves from there today", key)
                return 0
            taken = max(0, min(wanted, allowed - counts.get(site, 0)))
            if not taken:
                return 0
            counts[site] = counts.get(site, 0) + taken
            with suppress(AlreadyExists, Changed):  # another process was quicker: look again
                await self._write(key, counts, etag)
                return taken

    async def _read(self, key: str) -> tuple[dict[str, int] | None, str]:
        """(the day's counts, their ETag); None: they make no sense, and may be anything."""
        try:
            found = await self._store.get(key)
            return _COUNTS.decode(found.body), found.etag
        except NotFound:
            return {}, ""
        except msgspec.MsgspecError:
            return None, ""

    async def _write(self, key: str, counts: dict[str, int], etag: str) -> None:
        body = msgspec.json.encode(counts)
        if etag:
            await self._store.replace(key, body, etag)
        else:
            await self._store.create(key, body)
