"""How much work is open in front of each stage, and since when."""

import asyncio
from dataclasses import dataclass

from shared import keys
from shared.store.base import Store

WAITING = "waiting"
FAILED = "failed"
PLACES = {stage: prefix for prefix, stage in keys.WORK.items()} | {
    WAITING: keys.WAITING,
    FAILED: keys.FAILED,
}
"""The stages, what waits for a later time, and what failed → the prefix below which it lies."""
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Open:
    """What lies below one prefix."""

    number: int = 0
    size_bytes: int = 0
    oldest: float = 0.0
    """When the oldest was put, seconds since 1970; 0 for none."""
    more: bool = False
    """There is more than was looked at: the numbers are the least that it can be."""


async def look(store: Store, most_pages: int) -> dict[str, Open]:
    """Place → what is open there. At most so many listings for each."""
    found = await asyncio.gather(*(_open(store, each, most_pages) for each in PLACES.values()))
    return dict(zip(PLACES, found, strict=True))


async def _open(store: Store, prefix: str, most_pages: int) -> Open:
    number = size_bytes = 0
    oldest = 0.0
    start = ""
    for _ in range(most_pages):
        page = await store.list_page(prefix, start, _PAGE)
        number += len(page)
        size_bytes += sum(entry.size_bytes for entry in page)
        oldest = min([each.modified for each in page] + [oldest] * bool(oldest), default=0.0)
        if len(page) < _PAGE:
            return Open(number, size_bytes, oldest)
        start = page[-1].key
    return Open(number, size_bytes, oldest, more=True)
