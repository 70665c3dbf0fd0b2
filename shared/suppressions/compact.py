"""Compaction: fresh entries become part of a segment, small segments part of a larger one.

    begin    index.json names the segment that will be written                → others keep away
    write    suppressed/<segment>/…                                           counts for nothing yet
    finish   index.json: the new segment stands where the old ones stood      → now it counts
    clear    the folded entries, the objects of segments that nobody names

Died before `finish`: nothing has changed, and the next one clears away what was written. Died
behind it: the folded entries are there twice until the next one deletes them. An index that has
just been made is left alone for `SETTLE_S`: a listing under way may not have seen it.
"""

import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from msgspec.structs import replace

from shared import keys
from shared.domain_listing import domain_names
from shared.errors import NotFound, Permanent
from shared.stage import Clock
from shared.store.base import Entry, Store, list_all
from shared.suppressions.entry import decode_fresh, encode, prefix
from shared.suppressions.index import Index, Segment, begin, change, ended, given_up, load
from shared.suppressions.segments import Line, Lines, lines_of, merged, prefixes_of, write
from shared.together import together

log = logging.getLogger("ekiden.suppressions")

MOST_FRESH = 500
"""So many are listed in one request, beside the index."""
MOST_AT_ONCE = 10_000
"""Fresh entries of one round; they are read and held."""
MOST_GONE = 1000
FACTOR = 4
"""A segment is at least so many times as large as all younger ones together: of a million there
are six, and each address is written again that many times at most."""
SETTLE_S = 60.0
_AT_ONCE = 16
_DELETED_AT_ONCE = _PAGE = 1000


@dataclass
class Compacted:
    """What was done."""

    folded: int = 0
    """Fresh entries that are in a segment now."""
    segments: list[int] = field(default_factory=list)
    """How many addresses each segment has."""
    waits: bool = False
    """The index is too young, or another compaction is under way: nothing was done."""


async def compact(
    store: Store, domain: str, clock: Clock, most_fresh: int = MOST_FRESH
) -> Compacted:
    """Fold what is fresh, if it is more than `most_fresh`, and merge what should be one segment.

    At any time, by any number of processes at once. Raises `Temporary`.
    """
    done = Compacted()
    while True:
        fresh, index = await _look(store, domain, most_fresh + 1)
        many = len(fresh) > most_fresh
        if index is None:
            if many:
                await change(store, domain, lambda made: made, created_at=clock())
            done.waits = many
            return done
        fold = many and index.created_at + SETTLE_S <= clock()
        if not fold and first_to_merge(index.segments, 0) is None:
            done.waits = many
            break
        folded = await _round(store, domain, clock(), fold=fold)
        if folded is None:
            done.waits = True
            break
        done.folded += folded
    await _tidy(store, domain, clock())
    done.segments = [each.count - len(each.gone) for each in index.segments]
    return done


async def _tidy(store: Store, domain: str, now: float) -> None:
    index, _ = await load(store, domain)
    if index.unused or any(each.is_dead(now) for each in index.begun):
        await clear(store, domain, now)


def first_to_merge(segments: Sequence[Segment], fresh: int) -> int | None:
    """From which one on all become one, with so many fresh entries; None: they stay as they are."""
    behind = fresh + sum(each.count for each in segments)
    for place, each in enumerate(segments):
        behind -= each.count
        if each.count <= FACTOR * behind or len(each.gone) > MOST_GONE:
            return place
    return None


async def _round(store: Store, domain: str, now: float, *, fold: bool) -> int | None:
    """How many were folded; None if nothing could be done."""
    mine = await begin(store, domain, now, compacts=True)
    if mine is None:
        return None
    before, _ = await load(store, domain)  # before the listing: see `editing`
    fresh, _ = await _look(store, domain, MOST_AT_ONCE) if fold else ([], None)
    lines = await _read_fresh(store, domain, fresh)
    first = first_to_merge(before.segments, len(lines))
    sources = before.segments[len(before.segments) if first is None else first :]
    made = await _write(store, domain, mine.name, sources, lines.values())
    if made is None or not await change(
        store, domain, lambda now: _finished(now, before, sources, made)
    ):
        await change(store, domain, lambda now: given_up(now, mine.name))
        log.info("the suppressions of %s were changed while they were compacted", domain)
        return None
    done = list(lines)
    for start in range(0, len(done), _DELETED_AT_ONCE):
        await store.delete(*done[start : start + _DELETED_AT_ONCE])
    return len(done)


async def _write(
    store: Store, domain: str, name: str, sources: Sequence[Segment], fresh: Iterable["_Fresh"]
) -> Segment | None:
    """What the sources and the fresh entries say, as one segment. None: a source has gone."""
    try:
        parts = [await _lines(store, domain, each) for each in sources]
        new = merged([*parts, _each(sorted(fresh, key=lambda each: each.rank))])
        return Segment(name, await write(store, domain, name, new))
    except NotFound:
        return None


def _finished(now: Index, before: Index, sources: Sequence[Segment], made: Segment) -> Index | None:
    """The index with the new segment in the place of its sources; None if they have changed."""
    if not now.has_begun(made.name) or now.edits != before.edits:
        return None
    names = [each.name for each in now.segments]
    first = names.index(sources[0].name) if sources and sources[0].name in names else len(names)
    behind = first + len(sources)
    if now.segments[first:behind] != list(sources):
        return None
    new = [made] if made.count else []
    segments = [*now.segments[:first], *new, *now.segments[behind:]]
    gone = [each.name for each in sources] + ([] if made.count else [made.name])
    return replace(ended(now, made.name), segments=segments, unused=[*now.unused, *gone])


async def clear(store: Store, domain: str, now: float) -> None:
    """Delete the objects of segments that do not count and never will.

    Died before the last step: it is done again. The listing comes first: what it shows was begun
    before, so an index that is read behind it and does not name it will never do so again.
    """
    listed = [entry.key async for entry in list_all(store, keys.suppressed(domain))]

    def bury(index: Index) -> Index | None:
        dead = [each.name for each in index.begun if each.is_dead(now)]
        for name in dead:
            index = given_up(index, name)
        return index if dead else None

    await change(store, domain, bury)
    index, _ = await load(store, domain)
    named = {each.name for each in index.segments} | {each.name for each in index.begun}
    unused = [key for key in listed if keys.parse_suppressed(key) not in named]
    for start in range(0, len(unused), _DELETED_AT_ONCE):
        await store.delete(*unused[start : start + _DELETED_AT_ONCE])
    cleared = set(index.unused)

    def forget(later: Index) -> Index | None:
        left = [each for each in later.unused if each not in cleared]
        return replace(later, unused=left) if cleared else None

    await change(store, domain, forget)


async def _look(store: Store, domain: str, most: int) -> tuple[list[Entry], Index | None]:
    """(at most so many fresh entries, the index). Without an index it is one request."""
    own = keys.suppression_index(domain)
    fresh: list[Entry] = []
    has_index = False
    async for listed in list_all(store, keys.suppressions(domain)):
        if listed.key == own:
            has_index = True
        elif len(fresh) < most:
            fresh.append(listed)
        if has_index and len(fresh) == most:
            break
    return fresh, (await load(store, domain))[0] if has_index else None


@dataclass(frozen=True, slots=True)
class _Fresh:
    at: float
    line: Line

    @property
    def rank(self) -> tuple[int, float]:
        """By address, and of one address the first reason first."""
        return self.line[0], self.at


async def _read_fresh(store: Store, domain: str, listed: Sequence[Entry]) -> dict[str, _Fresh]:
    """Key → entry, of those that are still there."""
    found: dict[str, _Fresh] = {}

    async def read(each: Entry) -> None:
        with suppress(NotFound):
            body = (await store.get(each.key)).body
            digest = keys.parse_suppression(each.key)
            entry = decode_fresh(body, digest, each.modified)
            found[each.key] = _Fresh(entry.at, (prefix(digest), encode(entry)))

    for start in range(0, len(listed), _AT_ONCE):
        await together(map(read, listed[start : start + _AT_ONCE]))
    return found


async def _lines(store: Store, domain: str, segment: Segment) -> Lines:
    """Raises `NotFound`, also while it is read."""
    return lines_of(store, domain, segment, await prefixes_of(store, domain, segment.name))


async def _each(fresh: Sequence[_Fresh]) -> Lines:
    for each in fresh:
        yield each.line


async def compact_all(store: Store, clock: Clock) -> int:
    """Every Domain's suppressions, where there is something to do; returns how many were folded.

    A Domain takes a request, and one more if it has an index. Raises `Temporary`.
    """
    folded, after = 0, ""
    while names := await domain_names(store, after, _PAGE):
        for domain in names:
            try:
                folded += (await compact(store, domain, clock)).folded
            except Permanent as error:  # it stops no other
                log.error("the suppressions of %s cannot be compacted: %s", domain, error)
        after = names[-1]
    return folded
