"""Outcomes → window records.

    read      what a listing shows and the record does not have: content.json, Outcomes objects
    record    control/stats/batches/<quarter>.json, by compare-and-swap     → now it is counted
    publish   stats/<domain>/<day>/…
    record    it is published

Died before the first `record`: nothing was counted. Died behind it: who comes next publishes.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from shared import keys
from shared.batches import read_outcomes
from shared.codec import pack, unpack
from shared.errors import Malformed, NotFound
from shared.ids import is_batch_id
from shared.model import Rejection
from shared.outcome import count, latest
from shared.stats import progress, window
from shared.stats.listing import Listed, part_keys
from shared.stats.progress import BagProgress
from shared.stats.publish import publish
from shared.stats.window import BagState, Line, Move, OpenBatch, Unclear, Window
from shared.store.base import Store
from shared.together import together

MOST_READS = 2000
"""Objects that are read before the record is written: what a crash repeats at most."""
_AT_ONCE = 12
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, Malformed)
"""What an object raises that no stage has written so, or that a disk has spoilt."""

log = logging.getLogger("ekiden.stats")


class Heading(msgspec.Struct):
    """What of a Batch's content is needed here."""

    domain: str
    accepted_at: float
    due_at: float
    accepted: int
    rejected: list[Rejection] = []
    tags: list[str] = []
    bag_size: int = 0


_CONTENT = msgspec.json.Decoder(Heading)
_LINES = msgspec.json.Decoder(Line)
_WINDOW = msgspec.json.Decoder(Window)


async def heading(store: Store, batch: str) -> Heading:
    """Raises `NotFound`, also for what is no Batch (an event need not name one), and for a content
    that nobody can read: whose it was is as unknown as of one that is gone."""
    if not is_batch_id(batch):
        raise NotFound(f"there is no Batch {batch!r}")
    try:
        return _CONTENT.decode(unpack((await store.get(keys.content(batch))).body))
    except UNREADABLE as error:
        log.error("%s cannot be read: what became of it is not counted: %s", batch, error)
        raise NotFound(f"{keys.content(batch)} cannot be read") from error


async def load(store: Store, name: str) -> tuple[Window, str]:
    """(a window's record, its ETag or ""). Raises `Malformed`."""
    key = keys.stats_window(name)
    try:
        found = await store.get(key)
    except NotFound:
        return Window(), ""
    try:
        return _WINDOW.decode(unpack(found.body)), found.etag
    except UNREADABLE as error:
        raise Malformed(f"{key} cannot be read: {error}") from error


@dataclass
class Counted:
    """What was done."""

    batches: int = 0
    """New ones."""
    outcomes: int = 0
    domains: set[str] = field(default_factory=set)
    """Where something happened."""


class WindowCounter:
    """Counts what was found of one window's Batches."""

    def __init__(self, store: Store, name: str, now: float) -> None:
        self._store = store
        self._name = name
        self._now = now
        self._etag = ""
        self.window = Window()
        self.counted = Counted()

    async def load(self) -> "WindowCounter":
        found, self._etag = await load(self._store, self._name)
        self.window = window.not_ahead(found, self._now)
        return self

    async def count(self, found: Mapping[str, Listed]) -> None:
        """Raises `Temporary`; `LostRace` when somebody else counts this window."""
        for group in self._groups(found):
            for start in range(0, len(group), _AT_ONCE):
                await together(self._batch(*each) for each in group[start : start + _AT_ONCE])
            window.close_settled(self.window)
            await self._save()
            await self.publish()
        await self.publish()
        for batch, listed in found.items():
            if len(self.window.closed.get(batch, ())) > 1 and listed.late:
                await self._count_late(batch, listed)

    async def publish(self) -> None:
        """What was counted and is not in `stats/`."""
        if not self.window.unpublished:
            return
        news = self.window.unpublished
        await publish(self._store, self._name, self.window.version, self.window.counts, news)
        self.window.unpublished = []
        await self._save()

    async def _save(self) -> None:
        self.window.version += 1
        key, body = keys.stats_window(self._name), pack([msgspec.json.encode(self.window)])
        if self._etag:
            self._etag = await self._store.replace(key, body, self._etag)
        else:
            self._etag = await self._store.create(key, body)

    def _groups(self, found: Mapping[str, Listed]) -> Iterator[list[tuple[str, Listed]]]:
        """What is new, so much at a time as one write of the record is worth."""
        group: list[tuple[str, Listed]] = []
        reads = 0
        for batch, listed in found.items():
            news = {bag: new for bag in listed.parts if (new := self._news(batch, bag, listed))}
            is_known = batch in self.window.open or batch in self.window.closed
            if not news and (is_known or not listed.has_content):
                continue
            group.append((batch, listed))
            reads += 1 + sum(map(len, news.values()))
            if reads >= MOST_READS:
                yield group
                group, reads = [], 0
        if group:
            yield group

    def _news(self, batch: str, bag: int, listed: Listed) -> list[str]:
        """The parts of a Bag that are not counted."""
        parts = listed.parts.get(bag, [])
        if batch in self.window.closed:
            known = self.window.closed[batch]
            upto = known[bag] if bag < len(known) else ""
        else:
            open_ = self.window.open.get(batch)
            upto = open_.bags[bag].upto if open_ and bag in open_.bags else ""
        return [part for part in parts if part > upto]

    async def _batch(self, batch: str, listed: Listed) -> None:
        if batch in self.window.closed:
            await self._closed(batch, listed)
            return
        if batch not in self.window.open and not await self._begin(batch):
            return
        here = self.window.open[batch]
        bags = [
            (bag, listed.parts[bag], news)
            for bag in sorted(listed.parts)
            if (news := self._news(batch, bag, listed))
        ]
        for start in range(0, len(bags), _AT_ONCE):
            await together(self._bag(batch, *each) for each in bags[start : start + _AT_ONCE])
            here.changed = self._now
        if here.is_large and here.bags:
            # Before the record: it says itself how far it goes, and nobody comes here again when
            # the Batch is closed.
            await progress.save(self._store, batch, _progress(here))

    async def _begin(self, batch: str) -> bool:
        """Whether its content is there."""
        try:
            head = await heading(self._store, batch)
        except NotFound:
            return False  # deleted: nobody knows whose it was
        here = OpenBatch(
            domain=head.domain,
            accepted=head.accepted,
            bag_size=max(1, head.bag_size),
            due_at=head.due_at,
            tags=head.tags,
            changed=self._now,
        )
        self.window.open[batch] = here
        window.count_accepted(self.window, here, head.accepted_at, len(head.rejected))
        self.counted.batches += 1
        self.counted.domains.add(head.domain)
        return True

    async def _bag(self, batch: str, bag: int, parts: list[str], news: list[str]) -> None:
        here = self.window.open[batch]
        before = here.bags.get(bag, BagState())
        try:
            after, moves = window.fold(before, await self._read(batch, bag, news))
        except Unclear:
            after, moves = await self._again(batch, bag, parts, news)
        after.upto = news[-1]
        here.bags[bag] = after
        self._count(here.domain, here.tags, moves)

    async def _closed(self, batch: str, listed: Listed) -> None:
        """It was finished, and there is more: somebody had sent on without a lease."""
        try:
            head = await heading(self._store, batch)
        except NotFound:
            return
        known = self.window.closed[batch]
        known += [""] * (max(listed.parts) + 1 - len(known))
        for bag, parts in listed.parts.items():
            if news := self._news(batch, bag, listed):
                _, moves = await self._again(batch, bag, parts, news)
                self._count(head.domain, head.tags, moves)
                known[bag] = news[-1]

    async def _again(
        self, batch: str, bag: int, parts: list[str], news: list[str]
    ) -> tuple[BagState, list[Move]]:
        """From the beginning."""
        lines = [await self._read(batch, bag, [part]) for part in parts]
        return window.fold_again(lines, len(parts) - len(news))

    async def _read(self, batch: str, bag: int, parts: list[str]) -> list[Line]:
        lines: list[Line] = []
        for key in part_keys(batch, bag, parts):
            try:
                lines += _LINES.decode_lines((await self._store.get(key)).body)
            except NotFound:  # deleted since it was listed
                continue
            except UNREADABLE as error:  # it must not stop the counting of all others
                log.error("%s cannot be read, and is not counted: %s", key, error)
        return lines

    def _count(self, domain: str, tags: list[str], moves: list[Move]) -> None:
        window.count(self.window, domain, tags, moves)
        self.counted.outcomes += len(moves)
        self.counted.domains.add(domain)

    async def _count_late(self, batch: str, listed: Listed) -> None:
        """Into the progress alone: the hours have them from the events."""
        now = await progress.load(self._store, batch)
        late = {bag: len(names) for bag, names in listed.late.items()}
        old = [bag for bag in late if bag in now and now[bag].late < late[bag]]
        for bag in old:
            try:
                lines = await read_outcomes(self._store, listed.all_of(batch, bag))
            except UNREADABLE:
                continue  # reading back reads it, and says so
            states = dict(count(latest(lines).values()))
            now[bag] = BagProgress(listed.parts[bag][-1], states, late[bag])
        if old:
            await progress.save(self._store, batch, now)


def _progress(batch: OpenBatch) -> progress.Progress:
    return {
        bag: BagProgress(each.upto, dict(each.states)) for bag, each in sorted(batch.bags.items())
    }
