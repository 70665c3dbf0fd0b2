"""Work that is not due yet: put under `waiting/<due>/…`, released when it is due.

Scheduled Batches and deferred Deliveries wait alike. The key begins with the due time, so looking
for due work costs what is due, not what waits.
"""

from collections.abc import AsyncIterator
from contextlib import suppress

from shared import keys
from shared.errors import Malformed, NotFound
from shared.stage import Wake, wake, write_once
from shared.store.base import Store, list_all


async def due(store: Store, now: float) -> AsyncIterator[str]:
    """The keys of all waiting work that is due, longest due first; and those that say no time."""
    async for entry in list_all(store, keys.WAITING):
        with suppress(Malformed):
            if _parse(entry.key)[0] > now:
                return
        yield entry.key


def _parse(waiting_key: str) -> tuple[float, str]:
    try:
        return keys.parse_waiting(waiting_key)
    except (ValueError, StopIteration) as error:
        raise Malformed("work waits under waiting/<due, as 20270115T080000Z>/<stage>/…") from error


async def release(store: Store, waiting_key: str) -> Wake | None:
    """Put waiting work in front of its stage. None if another has done so. Raises `Malformed`.

    A crash between the two writes leaves it in both places: it is released again, and the stage
    does nothing twice.
    """
    _, work_key = _parse(waiting_key)
    try:
        body = (await store.get(waiting_key)).body
    except NotFound:
        return None
    await write_once(store, work_key, body)
    await store.delete(waiting_key)
    return wake(work_key, body)
