"""Whether a Domain has work that is still open.

Keys of open work name the Batch and not the Domain, so the content of each open Batch is looked
at. That is for rare decisions of a person, never for a stage.
"""

import asyncio
from collections.abc import AsyncIterator

from shared import keys
from shared.batches import load_content
from shared.errors import Malformed, NotFound
from shared.store.base import Store, list_all

MOST_BATCHES = 10_000
READ_AT_ONCE = 16


class TooMuchOpen(Malformed):
    """So many Batches are open that it was not looked at all of them."""


async def find(store: Store, domain: str) -> str:
    """The key of a work object of this Domain, or "". Raises `TooMuchOpen`."""
    for prefix in (keys.inbox_of(domain), keys.notifying_of_domain(domain)):
        page = await store.list_page(prefix, limit=1)
        if page:
            return page[0].key
    seen: set[str] = set()
    waiting: list[tuple[str, str]] = []
    async for key in _open_work(store):
        work = keys.when_due(key)
        if work.startswith(keys.notifying_of_domain(domain)):
            return key
        batch = keys.batch_of_work(work)
        if not batch or batch in seen:
            continue
        seen.add(batch)
        if len(seen) > MOST_BATCHES:
            raise TooMuchOpen(f"more than {MOST_BATCHES} Batches of all Domains are open")
        waiting.append((batch, key))
        if len(waiting) == READ_AT_ONCE:
            if found := await _first_of(store, domain, waiting):
                return found
            waiting = []
    return await _first_of(store, domain, waiting)


async def _open_work(store: Store) -> AsyncIterator[str]:
    """The keys of all that names a Batch, and of what waits."""
    for prefix in (keys.SUBMITTED, keys.VALIDATED, keys.DISPATCHED, keys.WAITING):
        async for entry in list_all(store, prefix):
            yield entry.key


async def _first_of(store: Store, domain: str, batches: list[tuple[str, str]]) -> str:
    owners = await asyncio.gather(*(_owner(store, batch) for batch, _ in batches))
    mine = [key for owner, (_, key) in zip(owners, batches, strict=True) if owner == domain]
    return mine[0] if mine else ""


async def _owner(store: Store, batch: str) -> str:
    try:
        return (await load_content(store, batch)).domain
    except NotFound:
        return ""
