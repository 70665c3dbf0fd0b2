"""How much work is open in front of each stage, and since when."""

from dataclasses import dataclass

from shared import keys
from shared.errors import StoreRefused
from shared.store.base import Store
from shared.together import together

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
    refused: str = ""
    """Why the store did not list it, or not to its end."""


async def look(store: Store, most_pages: int | None = None) -> dict[str, Open]:
    """Place → what is open there. At most so many listings for each."""
    found = await together(look_at(store, prefix, most_pages) for prefix in PLACES.values())
    return dict(zip(PLACES, found, strict=True))


async def look_at(store: Store, prefix: str, most_pages: int | None = None) -> Open:
    """What is open below one prefix. One that the store refuses hides no other."""
    number = size_bytes = pages = 0
    oldest = 0.0
    start, refused = "", ""
    while most_pages is None or pages < most_pages:
        try:
            page = await store.list_page(prefix, start, _PAGE)
        except StoreRefused as error:
            refused = str(error)
            break
        pages += 1
        number += len(page)
        size_bytes += sum(entry.size_bytes for entry in page)
        oldest = min([each.modified for each in page] + [oldest] * bool(oldest), default=0.0)
        if len(page) < _PAGE:
            return Open(number, size_bytes, oldest)
        start = page[-1].key
    return Open(number, size_bytes, oldest, more=True, refused=refused)
