"""The sweep: finds work that is due, and work that was forgotten. What events make fast, it makes
certain.

Its cost depends on what is due and what is open, not on what waits: due times stand at the front
of the keys, and the listing stops at the first one that is not due.

A prefix that the store refuses to list stops no other one: its `StoreRefused` goes into `refused`,
where the caller hands such a list in.
"""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from shared import keys
from shared.errors import Malformed, NotFound, Permanent, StoreRefused
from shared.stage import Wake, fail
from shared.store.base import Store, list_all
from shared.waiting import due, release

log = logging.getLogger("ekiden.sweep")


Refused = list[StoreRefused]


@contextmanager
def passing_over(refused: Refused | None, what: str) -> Iterator[None]:
    """What the store refuses within is told of in the log, kept, and left."""
    try:
        yield
    except StoreRefused as error:
        if refused is None:
            raise
        log.error("%s: passed over by this sweep: %s", what, error)
        refused.append(error)


async def release_due(
    store: Store, now: float, refused: Refused | None = None
) -> AsyncIterator[Wake]:
    """Put everything that is due in front of its stage. What cannot be put there stops no other."""
    with passing_over(refused, keys.WAITING):
        async for key in due(store, now):
            if ready := await _release(store, now, key):
                yield ready


async def _release(store: Store, now: float, key: str) -> Wake | None:
    try:
        try:
            return await release(store, key)
        except Malformed as error:
            body = (await store.get(key)).body
            await fail("sweep", store, lambda: now, key, body, error, tries=1)
    except NotFound:
        return None  # another was first
    except Permanent as error:
        log.error("%s cannot be released: %s", key, error)
    return None


async def forgotten(
    store: Store, older_than: float, refused: Refused | None = None
) -> AsyncIterator[Wake]:
    """Open work objects put before `older_than` (seconds since 1970): their events were lost.

    Stages nearest to the end first, so that what is nearly done leaves before more is begun.
    """
    for prefix in reversed(keys.WORK):
        with passing_over(refused, prefix):
            async for entry in list_all(store, prefix):
                if entry.modified <= older_than:
                    yield Wake(entry.key, size_bytes=entry.size_bytes)


async def drop_orphaned_leases(store: Store, older_than: float) -> None:
    """Delete leases put before `older_than` whose Bag is gone: their holder died at the very end.

    Who takes such a Bag again all the same (a late twin has written it) finds its Outcomes.
    """
    orphans = [
        entry.key
        async for entry in list_all(store, keys.LEASES)
        if entry.modified <= older_than and not await _has_work(store, entry.key)
    ]
    await store.delete(*orphans)


async def _has_work(store: Store, lease_key: str) -> bool:
    """A lease is named like its Bag. Looked for by listing: a Bag may be large."""
    try:
        bag = keys.parse_dispatched(lease_key.removeprefix(keys.LEASES))
    except ValueError:
        return True  # no key of ours: not for us to delete
    return bool(await store.list_page(keys.dispatched_bag(*bag), limit=1))
