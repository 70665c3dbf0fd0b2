"""All of a Domain's suppressions in the order of their digests: pages, exports, counts."""

from collections.abc import AsyncIterator
from contextlib import suppress

from shared import keys
from shared.errors import NotFound, StoreUnavailable
from shared.store.base import Entry, Store, list_all
from shared.suppressions.entry import Suppression, decode, decode_fresh, digest_of, encode, prefix
from shared.suppressions.index import Segment, load
from shared.suppressions.known import place_behind
from shared.suppressions.segments import Line, Lines, lines_of, merged, prefixes_of
from shared.together import together

MOST_LOOKED_AT = 50_000
"""Of one page, where only some are wanted: it may be short, and say that there are more."""
_TRIES = 20
_AT_ONCE = 32


async def page(
    store: Store, domain: str, after: str, limit: int, reason: str = ""
) -> tuple[list[Suppression], str]:
    """(at most `limit` behind the digest `after`, the digest to go on behind; empty at the end)"""
    shown: list[Suppression] = []
    looked_at = 0
    last = ""
    async for entry in everything(store, domain, after):
        if len(shown) == limit or looked_at == MOST_LOOKED_AT:
            return shown, last
        looked_at += 1
        last = digest_of(entry)
        if reason in ("", entry.reason):
            shown.append(entry)
    return shown, ""


async def everything(store: Store, domain: str, after: str = "") -> AsyncIterator[Suppression]:
    """Each address once, with its first reason. What is added or taken away meanwhile may be
    shown or not. When an entry is folded, or a segment merged away, before it was read, this looks
    again behind the last one that it has shown."""
    tries = 0
    while tries < _TRIES:
        tries += 1
        try:
            async for _, line in merged(await _sources(store, domain, after)):
                entry = decode(line)
                after, tries = digest_of(entry), 0
                yield entry
        except NotFound:
            continue
        return
    raise StoreUnavailable(f"the suppressions of {domain} change all the time: try again")


async def _sources(store: Store, domain: str, after: str) -> list[Lines]:
    own = keys.suppression_index(domain)
    listed = [entry async for entry in list_all(store, keys.suppressions(domain))]
    fresh = [entry for entry in listed if entry.key != own]
    segments: list[Segment] = []
    with suppress(NotFound):
        # Behind the listing: what was folded meanwhile is in it.
        segments = (await load(store, domain))[0].segments
    sources = [await _from_segment(store, domain, each, after) for each in segments]
    behind = prefix(after) if after else -1
    left = [each for each in fresh if prefix(keys.parse_suppression(each.key)) > behind]
    left.sort(key=lambda each: (prefix(keys.parse_suppression(each.key)), each.modified))
    return [*sources, _from_fresh(store, left)]


async def _from_segment(store: Store, domain: str, segment: Segment, after: str) -> Lines:
    prefixes = await prefixes_of(store, domain, segment.name)
    start = place_behind(prefixes, prefix(after)) if after else 0
    return lines_of(store, domain, segment, prefixes, start)


async def _from_fresh(store: Store, listed: list[Entry]) -> Lines:
    for start in range(0, len(listed), _AT_ONCE):
        group = listed[start : start + _AT_ONCE]
        for line in await together(_read(store, each) for each in group):
            yield line


async def _read(store: Store, listed: Entry) -> Line:
    """Raises `NotFound`: folded or taken away since it was listed."""
    digest = keys.parse_suppression(listed.key)
    body = (await store.get(listed.key)).body
    return prefix(digest), encode(decode_fresh(body, digest, listed.modified))
