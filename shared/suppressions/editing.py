"""Adding, finding and taking away one address.

Adding is one put and looks at nothing. To take away is rarer, and has to hold out against a
compaction that has read the entry already: it changes the index behind everything else that it
does, so that a compaction that began before finds the index changed and starts again.
"""

from array import array
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from msgspec.structs import replace

from shared import keys
from shared.errors import NotFound, StoreUnavailable
from shared.store.base import Store, list_all
from shared.suppressions.entry import (
    Suppression,
    decode,
    decode_fresh,
    digest_of,
    encode,
    is_forgotten,
    mark,
    nameless,
    prefix,
)
from shared.suppressions.index import Index, Segment, change, load
from shared.suppressions.known import place_of
from shared.suppressions.lately import note_added, note_change
from shared.suppressions.segments import (
    BLOCK,
    NOTHING,
    line_at,
    prefixes_of,
    read_block,
    rewrite,
)

_TRIES = 20


async def add(store: Store, domain: str, suppression: Suppression) -> None:
    """Suppress an address. The first reason stays."""
    from shared.stage import write_once

    if is_forgotten(suppression.email):
        suppression = nameless(suppression)
    body = encode(suppression)
    digest = digest_of(suppression)
    await write_once(store, keys.suppression(domain, digest, mark(body)), body)
    note_added(store, domain, digest)


async def add_once(store: Store, domain: str, suppression: Suppression) -> None:
    """The same for what a stranger may cause as often as they like: while an entry of the address
    is fresh, another one would only make the list longer."""
    fresh = keys.suppressions_of_address(domain, digest_of(suppression))
    if not await store.list_page(fresh, limit=1):
        await add(store, domain, suppression)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an address stands in a segment."""

    segment: Segment
    place: int
    line: bytes


async def find(store: Store, domain: str, digest: str) -> Suppression | None:
    """The entry of an address, or None: it is not suppressed."""
    # The fresh ones are read first: what is folded meanwhile, the index has.
    fresh = await _fresh(store, domain, digest)
    for found in await _located(store, domain, digest):
        if found.place not in found.segment.gone:
            return decode(found.line)
    return min(fresh.values(), key=lambda each: each.at) if fresh else None


async def remove(store: Store, domain: str, digest: str) -> bool:
    """Write to this address again. Says whether it was suppressed.

    Died before the end: it may be suppressed still, and taking it away once more does the rest.
    """
    fresh = await _fresh(store, domain, digest)
    await store.delete(*fresh)
    were = 0

    async def blank(found: list[_Place]) -> None:
        nonlocal were
        were += sum(each.place not in each.segment.gone for each in found)

    def drop(segment: Segment, places: list[int]) -> Segment:
        return replace(segment, gone=sorted({*segment.gone, *places}))

    last = await _edit(store, domain, digest, blank, drop)
    for each in last:  # behind the index: a compaction that reads it now passes over them
        with suppress(NotFound):
            await rewrite(store, domain, each.segment.name, each.place, NOTHING)
    note_change(store, domain, gone=digest)
    return bool(fresh or were)


async def make_nameless(store: Store, domain: str, digest: str) -> bool:
    """Forget the address and keep its digest: nobody shall write to it. Says whether it was
    suppressed. Died before the end: making it nameless once more does the rest."""
    fresh = await _fresh(store, domain, digest)
    for each in fresh.values():
        await add(store, domain, nameless(each))
    kept = {_key_of(domain, nameless(each)) for each in fresh.values()}
    await store.delete(*(key for key in fresh if key not in kept))

    async def forget(found: list[_Place]) -> None:
        for each in found:
            if each.place not in each.segment.gone:
                line = encode(nameless(decode(each.line)))
                await rewrite(store, domain, each.segment.name, each.place, line)

    def revise(segment: Segment, _: list[int]) -> Segment:
        return replace(segment, revision=segment.revision + 1)

    last = await _edit(store, domain, digest, forget, revise)
    return bool(fresh) or any(each.place not in each.segment.gone for each in last)


async def _edit(
    store: Store,
    domain: str,
    digest: str,
    act: Callable[[list[_Place]], Awaitable[None]],
    note: Callable[[Segment, list[int]], Segment],
) -> list[_Place]:
    """Act on the places of an address, then note it in the index; again if it has others since.

    The index is changed also where it does not hold the address: a compaction that has read its
    fresh entry must not finish.
    """
    for _ in range(_TRIES):
        index = await _index(store, domain)
        if index is None:
            return []
        try:
            found = await _places(store, domain, digest, index)
            await act(found)
        except NotFound:  # merged away meanwhile
            continue

        names = [each.name for each in index.segments]
        noted: dict[str, list[int]] = {}
        for each in found:
            noted.setdefault(each.segment.name, []).append(each.place)

        def decide(now: Index) -> Index | None:
            if [each.name for each in now.segments] != names:  # noqa: B023 - called at once
                return None
            segments = [
                note(each, noted[each.name]) if each.name in noted else each  # noqa: B023
                for each in now.segments
            ]
            return replace(now, edits=now.edits + 1, segments=segments)

        if await change(store, domain, decide):
            return found
    raise StoreUnavailable(f"the suppressions of {domain} change all the time: try again")


async def _fresh(store: Store, domain: str, digest: str) -> dict[str, Suppression]:
    """Key → entry, of those in no segment yet."""
    found: dict[str, Suppression] = {}
    async for listed in list_all(store, keys.suppressions_of_address(domain, digest)):
        with suppress(NotFound):
            body = (await store.get(listed.key)).body
            found[listed.key] = decode_fresh(body, digest, listed.modified)
    return found


async def _index(store: Store, domain: str) -> Index | None:
    try:
        return (await load(store, domain))[0]
    except NotFound:
        return None


async def _located(store: Store, domain: str, digest: str) -> list[_Place]:
    for _ in range(_TRIES):
        with suppress(NotFound):  # merged away meanwhile
            return await _places(store, domain, digest, await _index(store, domain))
    raise StoreUnavailable(f"the suppressions of {domain} change all the time: try again")


async def _places(store: Store, domain: str, digest: str, index: Index | None) -> list[_Place]:
    """Where it stands in all segments, also where it is gone. Raises `NotFound`."""
    found: list[_Place] = []
    for segment in index.segments if index else []:
        prefixes: array[int] = await prefixes_of(store, domain, segment.name)
        place = place_of(prefixes, prefix(digest))
        if place is None:
            continue
        lines, _ = await read_block(store, domain, segment.name, place // BLOCK)
        line = line_at(lines, place)
        if line == NOTHING or digest_of(decode(line)) == digest:
            found.append(_Place(segment, place, line))
    return found


def _key_of(domain: str, suppression: Suppression) -> str:
    return keys.suppression(domain, digest_of(suppression), mark(encode(suppression)))
