"""Many addresses at once: sorted segments, written whole, instead of an object for each."""

import asyncio
from array import array
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

from msgspec.structs import replace

from shared.errors import LostRace
from shared.store.base import Store
from shared.suppressions.csv_lines import Row
from shared.suppressions.entry import Suppression, digest_of, encode, prefix
from shared.suppressions.index import Index, Segment, begin, change, ended
from shared.suppressions.known import Known, place_of
from shared.suppressions.lately import note_change
from shared.suppressions.segments import Line, write

MOST_AT_ONCE = 100_000
"""Entries that are held and sorted; each such group becomes a segment. About 40 MB."""
MOST_SHOWN = 1000
"""Lines that could not be read, of which it is said why."""
_STEP = 1000


@dataclass
class Imported:
    """What became of the lines."""

    added: int = 0
    known: int = 0
    """They were suppressed already, or stand further up: the first reason stays."""
    invalid: int = 0
    errors: list[Row] = field(default_factory=list)
    """The first `MOST_SHOWN` lines that could not be read."""


async def import_rows(
    store: Store,
    domain: str,
    rows: Iterable[Row],
    known: Known,
    now: float,
    told: Callable[[Imported], None] = lambda _: None,
) -> Imported:
    """Suppress all of them. `known`: who is suppressed already. `told` is called now and then.

    Died or failed on the way: what was `added` so far counts, and the same import once more does
    the rest.
    """
    done = Imported()
    before: list[array[int]] = []
    group: dict[int, Suppression] = {}
    for number, row in enumerate(rows, 1):
        if number % _STEP == 0:
            told(done)
            await asyncio.sleep(0)  # others of this process have work, too
        if row.entry is None:
            _refused(done, row)
            continue
        digest = digest_of(row.entry)
        wanted = prefix(digest)
        if wanted in group or digest in known or _is_in(before, wanted):
            done.known += 1
        else:
            group[wanted] = row.entry
        if len(group) == MOST_AT_ONCE:
            before.append(await _write(store, domain, group, now))
            done.added += len(group)
            group = {}
    if group:
        await _write(store, domain, group, now)
        done.added += len(group)
    told(done)
    return done


def _refused(done: Imported, row: Row) -> None:
    done.invalid += 1
    if len(done.errors) < MOST_SHOWN:
        done.errors.append(row)


def _is_in(before: "list[array[int]]", wanted: int) -> bool:
    return any(place_of(each, wanted) is not None for each in before)


async def _write(
    store: Store, domain: str, group: dict[int, Suppression], now: float
) -> "array[int]":
    """One more segment. Raises `LostRace` if it took too long."""
    mine = await begin(store, domain, now)
    assert mine is not None  # only compactions keep each other away
    prefixes = array("Q", sorted(group))

    async def lines() -> AsyncIterator[Line]:
        for each in prefixes:
            yield each, encode(group[each])

    made = Segment(mine.name, await write(store, domain, mine.name, lines()))

    def finished(index: Index) -> Index | None:
        if not index.has_begun(made.name):
            return None
        return replace(ended(index, made.name), segments=[*index.segments, made])

    if await change(store, domain, finished) is None:
        raise LostRace(f"a segment of {domain} was not written in time: import again")
    note_change(store, domain)
    return prefixes
