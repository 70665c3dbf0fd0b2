"""The ids of Batches, and how much a turn may do."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from shared import keys
from shared.ids import is_batch_id
from shared.stats.listing import id_at
from shared.store.base import Store

PAGE = 1000
MOST_REQUESTS = 5000
"""Of one turn, and some more to end what it is at: a function has a few minutes. A first round over
a million Batches is many turns."""


@dataclass
class Budget:
    """What a turn may cost yet."""

    requests: int = MOST_REQUESTS

    def spend(self, requests: int = 1) -> None:
        self.requests -= requests

    @property
    def is_spent(self) -> bool:
        return self.requests <= 0


async def batch_ids(
    store: Store, start: float, end: float, budget: Budget
) -> AsyncIterator[list[str]]:
    """The ids made from `start` to before `end`, a page at a time, the oldest first."""
    after, last = keys.before_batch(id_at(start)), keys.before_batch(id_at(end))
    while True:
        page = [each.key for each in await store.list_page(keys.BATCHES, after, PAGE)]
        budget.spend()
        ids = dict.fromkeys(keys.parse_batch(key) for key in page if key < last)
        yield [each for each in ids if is_batch_id(each)]
        if len(page) < PAGE or page[-1] >= last:
            return
        after = keys.behind_batch(keys.parse_batch(page[-1]))  # its many Outcomes are not asked for
