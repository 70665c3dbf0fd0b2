"""One round of counting: what is new in the bucket since the last one becomes hourly counts.

    begin     control/stats/index.json says that a round is under way     → other sweeps keep away
    batches   what the passes find, and open Batches that may have news   (`batches`)
    events    of the Domains where something happens                      (`happened`)
    end       the index says how far everything is

Nothing rests on the index but the cost: what was counted stands in the records, each of which is
replaced together with its numbers. Died anywhere: the next round finds the same, and counts what is
not counted.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from shared import keys
from shared.errors import LostRace, Malformed, NotFound
from shared.ids import time_of
from shared.stage import Clock
from shared.stats import schedule, window
from shared.stats.batches import UNREADABLE, WindowCounter
from shared.stats.happened import EventsCounter, Tags
from shared.stats.listing import Listed, Pages, batches, id_at, outcomes_of
from shared.stats.schedule import due_spans, first_positions
from shared.stats.turns import EARLY
from shared.store.base import Store

log = logging.getLogger("ekiden.stats")

ROUND_S = 120.0
"""A round that is killed keeps others away for so long."""
MARGIN_S = 60.0
"""What has happened is in the bucket by then, and was found by the second pass."""
MOST_PAGES = 200
"""Of the listing in one round: the first one has to go over all that there is."""
AHEAD_S = 2 * ROUND_S
"""What the index has seen is not later than this, or the clock that wrote it ran ahead."""


class WindowLook(msgspec.Struct):
    """A window that has open Batches."""

    looked: float
    next: float
    complete_until: float


class EventsLook(msgspec.Struct):
    """A Domain's events."""

    positions: list[float]
    next: float = 0.0
    quiet: int = 0
    """Rounds that found nothing, one after the other."""


class Index(msgspec.Struct, omit_defaults=True):
    """`control/stats/index.json`."""

    next: float = 0.0
    """When the next round may begin."""
    positions: list[float] = []
    """Of the passes over all Batches."""
    windows: dict[str, WindowLook] = {}
    domains: dict[str, EventsLook] = {}
    complete_until: float = 0.0
    """All Outcomes of before are counted."""

    def complete_for(self, domain: str) -> float:
        """Until when a Domain's counts are complete; all Domains' for an empty one."""
        own = [
            look.positions[0] - MARGIN_S
            for name, look in self.domains.items()
            if domain in ("", name)
        ]
        return min([self.complete_until, *own])

    def in_time(self, now: float) -> "Index":
        """The same; nothing is known where a clock that ran ahead has passed over what was still to
        come. All is listed once more then, and no count changes."""
        if max(self.positions, default=0.0) <= now + AHEAD_S:
            return self
        log.warning("the clock of who counted before ran ahead: all Batches are listed anew")
        return Index()


_DECODER = msgspec.json.Decoder(Index)


@dataclass
class Compacted:
    """What a round did."""

    batches: int = 0
    outcomes: int = 0
    events: int = 0
    """Objects."""
    ran: bool = True
    """False: it was not time yet, or another one is at it."""
    behind: bool = False
    """There is more: the next round may begin at once."""


async def load_index(store: Store) -> tuple[Index, str]:
    """(the index, its ETag or ""). One that cannot be read is as good as none."""
    try:
        found = await store.get(keys.stats_index())
    except NotFound:
        return Index(), ""
    try:
        return _DECODER.decode(found.body), found.etag
    except UNREADABLE as error:
        log.error("%s cannot be read, and is made anew: %s", keys.stats_index(), error)
        return Index(), found.etag


@contextmanager
def _passing_over(what: str) -> Iterator[None]:
    """A record that cannot be read stops the counting of nothing else."""
    try:
        yield
    except Malformed as error:
        log.error("%s: not counted: %s", what, error)


class Compaction:
    """Runs rounds over one store."""

    def __init__(self, store: Store, clock: Clock, interval_s: float) -> None:
        self._store = store
        self._clock = clock
        self._interval_s = interval_s
        self._longest_s = max(ROUND_S, interval_s)
        self._tags = Tags(store)

    async def round(self, *, at_once: bool = False) -> Compacted:
        """Count what is new, if it is time, or `at_once`. Raises `Temporary`."""
        now = self._clock()
        index, etag = await load_index(self._store)
        if 0 < index.next - now <= self._longest_s and not at_once:  # more: a clock ran ahead
            return Compacted(ran=False)
        index = index.in_time(now)
        if not index.positions:
            index.positions = first_positions(now)
        try:
            etag = await self._save(index, etag, now + self._longest_s)
            done = await self._round(index, now)
            await self._save(index, etag, now if done.behind else now + self._interval_s * EARLY)
        except LostRace as lost:
            log.info("another one is counting: %s", lost)
            return Compacted(ran=False)
        return done

    async def _save(self, index: Index, etag: str, following: float) -> str:
        index.next = following
        key, body = keys.stats_index(), msgspec.json.encode(index)
        if etag:
            return await self._store.replace(key, body, etag)
        return await self._store.create(key, body)

    async def _round(self, index: Index, now: float) -> Compacted:
        run = _Round(self._store, index, now, self._interval_s, self._tags)
        waiting_since = await run.oldest_submitted()
        await run.pass_over()
        await run.look_again()
        await run.events()
        if not run.done.behind:
            known = (look.complete_until for look in index.windows.values())
            index.complete_until = min(now, waiting_since, *known) - MARGIN_S
        return run.done


class _Round:
    """The state of one round."""

    def __init__(
        self, store: Store, index: Index, now: float, interval_s: float, tags: Tags
    ) -> None:
        self._store = store
        self._index = index
        self._now = now
        self._interval_s = interval_s
        self._tags = tags
        self._active: set[str] = set()
        self._listed: dict[str, set[str]] = defaultdict(set)
        """Window → Batches that were listed in this round."""
        self.done = Compacted()

    async def oldest_submitted(self) -> float:
        """When the oldest Batch was accepted that nobody has validated yet."""
        for entry in await self._store.list_page(keys.SUBMITTED, limit=1):
            return time_of(keys.parse_submitted(entry.key)) or self._now
        return self._now

    async def pass_over(self) -> None:
        """List what the passes have not seen yet, and count it window by window."""
        pages = Pages(self._store, keys.BATCHES)
        for span in due_spans(self._index.positions, self._now, self._interval_s):
            reached = await self._span(pages, span)
            self._index.positions[span.number] = reached
            if reached < span.end:
                self.done.behind = True
                return

    async def _span(self, pages: Pages, span: schedule.Span) -> float:
        """Up to where it was listed and counted: the span's end, unless that is too far."""
        start, end = keys.before_batch(id_at(span.start)), keys.before_batch(id_at(span.end))
        name = ""
        found: dict[str, Listed] = {}
        async for batch, listed in batches(pages.between(start, end)):
            if window.window_of(batch) != name:
                await self._count(name, found)
                name, found = window.window_of(batch), {}
                if pages.read >= MOST_PAGES:
                    return window.span_of(name)[0]
            found[batch] = listed
        await self._count(name, found)
        return span.end

    async def _count(self, name: str, found: Mapping[str, Listed]) -> None:
        if not found:
            return
        with _passing_over(f"Batches of {name}"):
            counter = await WindowCounter(self._store, name, self._now).load()
            await counter.count(found)
            self._listed[name].update(found)
            look = self._index.windows.get(name)
            # A pass shows some of its Batches: the others are still to be looked at.
            self._note(name, counter, look.looked if look else self._now)

    def _note(self, name: str, counter: WindowCounter, looked: float) -> None:
        """Keep in the index when the window has to be looked at again."""
        self._report(counter)
        if not counter.window.open:
            self._index.windows.pop(name, None)
            return
        self._index.windows[name] = WindowLook(
            looked,
            window.next_look(counter.window, looked, self._interval_s),
            window.complete_until(counter.window, looked, self._interval_s),
        )

    def _report(self, counter: WindowCounter) -> None:
        self.done.batches += counter.counted.batches
        self.done.outcomes += counter.counted.outcomes
        self._active |= counter.counted.domains
        # Of the record, not of what is new: who counted it may have died before the index.
        for domain in counter.window.counts:
            if domain not in self._index.domains:
                positions = first_positions(self._now)
                self._index.domains[domain] = EventsLook(positions)

    async def look_again(self) -> None:
        """At open Batches whose next Outcome may be there."""
        due = [name for name, look in self._index.windows.items() if look.next <= self._now]
        for name in sorted(due):
            with _passing_over(f"Batches of {name}"):
                await self._look(name, self._index.windows[name].looked)

    async def _look(self, name: str, looked: float) -> None:
        counter = await WindowCounter(self._store, name, self._now).load()
        wanted = [
            batch
            for batch, each in counter.window.open.items()
            if window.is_due(each, looked, self._now, self._interval_s)
            and batch not in self._listed[name]
        ]
        await counter.count(await self._list(name, wanted, counter.window))
        self._note(name, counter, self._now)

    async def _list(
        self, name: str, wanted: Iterable[str], now: window.Window
    ) -> dict[str, Listed]:
        """What there is of these Batches: one by one, or all of the window's if that is cheaper."""
        wanted = list(wanted)
        known = len(now.open) + len(now.closed)
        if len(wanted) <= 1 + known // 300:  # a page shows some 300 small Batches
            return {batch: await outcomes_of(self._store, batch) for batch in wanted}
        start, end = (keys.before_batch(id_at(at)) for at in window.span_of(name))
        pages = Pages(self._store, keys.BATCHES)
        return {batch: found async for batch, found in batches(pages.between(start, end))}

    async def events(self) -> None:
        """Of the Domains where something happens, and now and then of the others."""
        for domain, look in sorted(self._index.domains.items()):
            if self._now < look.next and domain not in self._active:
                continue
            counter = EventsCounter(self._store, domain, self._tags)
            await counter.pass_over(look.positions, self._now, self._interval_s)
            self.done.events += counter.objects
            is_quiet = not counter.objects and domain not in self._active
            look.quiet = look.quiet + 1 if is_quiet else 0
            look.next = self._now + schedule.quiet_s(look.quiet, self._interval_s) * counter.weight
