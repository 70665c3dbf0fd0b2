"""`domains/<domain>/suppressions/index.json`: which segments hold a Domain's suppressions.

It is changed by compare-and-swap alone. A segment counts from the moment it stands in `segments`;
its objects are only written while its name stands in `begun`. So whatever lies below `suppressed/`
and is in neither list can never count again, and may be deleted by anybody at any time.
"""

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from shared import keys
from shared.errors import LostRace, Malformed, NotFound
from shared.store.base import Store

BUILDING_S = 6 * 3600.0
"""Whoever has not finished a segment by then is dead."""
COMPACTING_S = 900.0
"""The same for a compaction, which a function may not carry on for longer anyway."""
TRIES = 50
"""Each lost race is somebody else's progress."""


class Segment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A sorted part of the addresses."""

    name: str
    count: int
    """Places, of which some are gone."""
    gone: list[int] = []
    """Places of those that were taken away."""
    revision: int = 0
    """How often a line of it was rewritten: who read it before has read something else."""


class Begun(msgspec.Struct, frozen=True, omit_defaults=True):
    """A segment that somebody is writing."""

    name: str
    at: float
    compacts: bool = False
    """One compaction at a time: two would do the same work."""

    def is_dead(self, now: float) -> bool:
        return self.at + (COMPACTING_S if self.compacts else BUILDING_S) <= now


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """The oldest segment first: of two reasons for one address the first one stays."""

    created_at: float
    generation: int = 0
    """Counts the changes. It makes each ETag another one, and names segments."""
    edits: int = 0
    """How often an entry was taken away or made nameless: a compaction that read fresh entries
    before must not bring the old one back."""
    segments: list[Segment] = []
    begun: list[Begun] = []
    unused: list[str] = []
    """Segments that do not count any more, and whose objects may still be there."""

    def has_begun(self, name: str) -> bool:
        return any(each.name == name for each in self.begun)


_DECODER = msgspec.json.Decoder(Index)


async def load(store: Store, domain: str) -> tuple[Index, str]:
    """(index, ETag). Raises `NotFound`, `Malformed`."""
    key = keys.suppression_index(domain)
    found = await store.get(key)
    try:
        return _DECODER.decode(found.body), found.etag
    except msgspec.MsgspecError as error:
        raise Malformed(f"{key} cannot be read: {error}") from error


async def change(
    store: Store,
    domain: str,
    decide: Callable[[Index], Index | None],
    created_at: float | None = None,
) -> Index | None:
    """Change the index to what `decide` makes of it; it may be asked several times.

    None, also from `decide`: nothing was changed. Without an index there is nothing to decide,
    unless `created_at` says that one shall be made.
    """
    for _ in range(TRIES):
        try:
            now, etag = await load(store, domain)
        except NotFound:
            if created_at is None:
                return None
            now, etag = Index(created_at=created_at), ""
        wanted = decide(now)
        if wanted is None:
            return None
        changed = replace(wanted, generation=now.generation + 1)
        try:
            await _put(store, domain, changed, etag)
        except LostRace:
            continue
        return changed
    raise LostRace(f"{keys.suppression_index(domain)} changes all the time")


async def _put(store: Store, domain: str, index: Index, etag: str) -> None:
    key, body = keys.suppression_index(domain), msgspec.json.encode(index)
    if etag:
        await store.replace(key, body, etag)
    else:
        await store.create(key, body)


async def begin(store: Store, domain: str, now: float, *, compacts: bool = False) -> Begun | None:
    """Put a new segment's name down. None: another compaction is under way."""

    def decide(index: Index) -> Index | None:
        if compacts and any(each.compacts and not each.is_dead(now) for each in index.begun):
            return None
        mine = Begun(f"{index.generation + 1:010d}", now, compacts)
        return replace(index, begun=[*index.begun, mine])

    changed = await change(store, domain, decide, created_at=now)
    return changed.begun[-1] if changed else None


def ended(index: Index, name: str) -> Index:
    """Nobody writes this segment any more."""
    return replace(index, begun=[each for each in index.begun if each.name != name])


def given_up(index: Index, name: str) -> Index:
    """The same, and it will not count."""
    return replace(ended(index, name), unused=[*index.unused, name])
