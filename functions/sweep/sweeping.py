"""One sweep over the store, for stages that run elsewhere.

Work that was put longer than `forgotten_after_s` ago and is still there has lost its event, or its
stage fails again and again. It is woken once more; how often stands in `control/redrives/<key>`,
unless it waits in a crowd, or its stage said that it has no time.
What was woken too often goes to `failed/`, and is for a person. Work that somebody has a lease on
is not forgotten. Two sweeps at once do no harm: of two that count, one finds the count changed.
"""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from functions.sweep.waking import Waking
from shared import keys
from shared.errors import EkidenError, LostRace, NotFound, Permanent, StoreRefused
from shared.stage import Clock, Wake, fail
from shared.store.base import Store, list_all
from shared.sweep import Refused, drop_orphaned_leases, forgotten, passing_over, release_due
from shared.together import together

log = logging.getLogger("ekiden.sweep")

CROWD = 20
"""More forgotten objects of one stage wait for it, or for their events."""
CROWD_PATIENCE_S = 86_400.0
"""Where the stage says nothing of what came of it, a wake need not be a try: work in a crowd only
has to wait, and is given up when nothing came of it for so long."""
SIDE_BY_SIDE = 8
NOTICED_FROM = 3
"""So many forgotten objects of one stage: its events are missing, not late."""


class WokenTooOften(Permanent):
    """The stage was told again and again, and the work is still there."""


class Turn(Protocol):
    """What a sweep does besides, now and then."""

    async def run_if_due(self) -> None:
        """Raises `Temporary`."""


class Redrives(msgspec.Struct, frozen=True):
    """`control/redrives/<key>`."""

    count: int
    since: float = 0.0
    """Of the first."""


class _Held(msgspec.Struct):
    until: float


@dataclass
class Swept:
    """What one sweep did."""

    released: int = 0
    woken: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    leased: int = 0
    refused: int = 0
    """Prefixes that the store did not list, and objects that could not be woken."""


class Sweeping:
    """Sweeps when it is told to."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        waking: Waking,
        forgotten_after_s: float,
        max_redrives: int,
        turns: Sequence[Turn] = (),
    ) -> None:
        self._store = store
        self._clock = clock
        self._waking = waking
        self._forgotten_after_s = forgotten_after_s
        self._max_redrives = max_redrives
        self._turns = turns

    async def sweep(self) -> Swept:
        """Raises `Temporary` when the store does not answer; what was done is done. `StoreRefused`
        only when it lists nothing at all: one prefix stops no other."""
        done = Swept()
        refused: Refused = []
        now = self._clock()
        older_than = now - self._forgotten_after_s
        async for _ in release_due(self._store, now, refused):
            done.released += 1  # its put is the event
        by_stage: dict[str, list[Wake]] = defaultdict(list)
        async for event in forgotten(self._store, older_than, refused):
            by_stage[keys.stage_of(event.key) or ""].append(event)
        if len(refused) > len(keys.WORK):
            raise refused[0]
        places = asyncio.Semaphore(SIDE_BY_SIDE)
        await together(
            self._in_turn(places, event, now, done, in_crowd=len(events) > CROWD)
            for events in by_stage.values()
            for event in events
        )
        with passing_over(refused, keys.LEASES):
            await drop_orphaned_leases(self._store, older_than)
        with passing_over(refused, keys.REDRIVES):
            await self._forget_counts()
        done.refused += len(refused)
        self._report(done)
        for turn in self._turns:
            try:
                await turn.run_if_due()
            except EkidenError as error:  # the work above is done, and the next turn comes
                log.error("what a sweep does besides failed: %s", error)
        return done

    async def _in_turn(
        self, places: asyncio.Semaphore, event: Wake, now: float, done: Swept, *, in_crowd: bool
    ) -> None:
        async with places:
            try:
                if await self._is_leased(event.key, now):
                    done.leased += 1
                else:
                    waits = in_crowd and not self._waking.is_answered(event)
                    await self._again(event, now, done, CROWD_PATIENCE_S if waits else 0.0)
            except StoreRefused as error:  # such as a key that is too long: the others go on
                log.error("%s cannot be woken: %s", event.key, error)
                done.refused += 1

    async def _again(self, event: Wake, now: float, done: Swept, patience_s: float) -> None:
        known, etag = await self._count(event.key)
        if known.count >= self._max_redrives and now - known.since >= patience_s:
            await self._give_up(event.key, known.count)
            done.failed += 1
            return
        more = Redrives(known.count + 1, known.since or now)
        with suppress(LostRace):  # another sweep counts, and wakes
            if self._waking.is_answered(event):
                # Died behind this: it was woken once more than it counts.
                if await self._waking.wake(event):
                    await self._put_count(event.key, more, etag)
            else:
                # Died behind this: it counts as woken once more than it was.
                await self._put_count(event.key, more, etag)
                await self._waking.wake(event)
            done.woken[keys.stage_of(event.key) or ""] += 1

    async def _is_leased(self, key: str, now: float) -> bool:
        if not key.startswith(keys.DISPATCHED):
            return False
        with suppress(NotFound, ValueError, msgspec.MsgspecError):
            place = keys.lease(*keys.parse_dispatched(key))
            first = (await self._store.get(place)).body.partition(b"\n")[0]
            return msgspec.json.decode(first, type=_Held).until > now
        return False

    async def _count(self, key: str) -> tuple[Redrives, str]:
        """(how often it was woken, the ETag to change that by or "")"""
        try:
            found = await self._store.get(keys.redrives(key))
            return msgspec.json.decode(found.body, type=Redrives), found.etag
        except NotFound:
            return Redrives(0), ""

    async def _put_count(self, key: str, count: Redrives, etag: str) -> None:
        place, body = keys.redrives(key), msgspec.json.encode(count)
        if etag:
            await self._store.replace(place, body, etag)
        else:
            await self._store.create(place, body)

    async def _give_up(self, key: str, count: int) -> None:
        cause = WokenTooOften(f"woken {count} times, and not done: see the stage's log")
        stage = keys.stage_of(key) or "sweep"
        try:
            with suppress(NotFound):  # done at last
                body = (await self._store.get(key)).body
                await fail(stage, self._store, self._clock, key, body, cause, count)
        except Permanent as error:  # of this object: the others go on
            log.error("%s cannot be moved to %s: %s", key, keys.FAILED, error)
            return
        await self._store.delete(keys.redrives(key))

    async def _forget_counts(self) -> None:
        """Of work that is done. There are as many as were forgotten lately: few, or none."""
        done = []
        listed, there = "", set[str]()
        async for entry in list_all(self._store, keys.REDRIVES):
            work = keys.parse_redrives(entry.key)
            folder = work.rpartition("/")[0] + "/"
            if folder != listed:  # neighbours share it: each is listed once
                there = {each.key async for each in list_all(self._store, folder)}
                listed = folder
            if work not in there:
                done.append(entry.key)
        await self._store.delete(*done)

    def _report(self, done: Swept) -> None:
        for stage, number in done.woken.items():
            if number >= NOTICED_FROM:
                log.warning(
                    "%d work objects for %s lay longer than %g s: do the bucket's events reach it?",
                    number,
                    stage,
                    self._forgotten_after_s,
                )
