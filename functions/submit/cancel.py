"""Cancelling a Batch: one mark, which `send` honours for everything that it has not transmitted.

The mark holds wherever the Batch's Bags are just then. Bags of a scheduled Batch are released, so
that their Outcomes say `cancelled` now and not when they would have been due.
"""

from collections.abc import Sequence

import msgspec

from shared import keys
from shared.model import Content
from shared.stage import Wake, write_once
from shared.store.base import Store, list_all
from shared.waiting import release


class Cancelled(msgspec.Struct, frozen=True):
    """`batches/<batch>/cancelled.json`."""

    at: float


async def cancel(store: Store, content: Content, now: float) -> Sequence[Wake]:
    """Take back what is not transmitted; return the work that this woke."""
    await write_once(store, keys.cancelled(content.batch), msgspec.json.encode(Cancelled(now)))
    if content.due_at <= now:
        return ()
    first = keys.waiting(content.due_at, keys.validated(content.batch, 0))
    waiting = [entry.key async for entry in list_all(store, first.rpartition("/")[0] + "/")]
    released = [await release(store, key) for key in waiting]
    return [ready for ready in released if ready is not None]
