"""Cancelling a Batch: one mark, which `send` honours for everything that it has not transmitted.

The mark holds wherever the Batch's Bags are just then. Bags of a scheduled Batch are released, so
that their Outcomes say `cancelled` now and not when they would have been due.
"""

from collections.abc import Sequence

import msgspec

from shared import keys
from shared.batches import release_bags
from shared.model import Content
from shared.stage import Wake, write_once
from shared.store.base import Store


class Cancelled(msgspec.Struct, frozen=True):
    """`batches/<batch>/cancelled.json`."""

    at: float


async def cancel(store: Store, content: Content, now: float) -> Sequence[Wake]:
    """Take back what is not transmitted; return the work that this woke."""
    await write_once(store, keys.cancelled(content.batch), msgspec.json.encode(Cancelled(now)))
    return await release_bags(store, content) if content.due_at > now else ()
