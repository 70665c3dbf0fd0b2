"""Deliveries of a Batch, page by page; only those in one state, where that is wanted.

What the counting has seen says which Bags hold one, so that the few that bounced among many are
found without reading all. Each call is bounded: a page may be short, and say from where to go on.
"""

from dataclasses import dataclass

from functions.admin.mail.counts import BatchCounts, Counts, size_of_bag
from shared.ids import delivery_id, parse_delivery
from shared.model import Content
from shared.outcome import State
from shared.readback import DeliveryPage, DeliveryStatus, ReadBack

MOST_LOOKED_AT = 2500
_STEP = 500
_BEHIND_ALL = 9999
"""No Bag has a Recipient of this number: a Bag has 5000 at most."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which Deliveries."""

    state: State | None
    after: str
    """A Delivery's id, or empty."""
    limit: int


class Search:
    def __init__(self, read: ReadBack, counts: BatchCounts) -> None:
        self._read = read
        self._counts = counts

    async def page(self, content: Content, wanted: Wanted) -> DeliveryPage:
        """Raises `Problem` 422 if `after` is no Delivery of this Batch."""
        domain, batch = content.domain, content.batch
        if wanted.state is None:
            return await self._read.deliveries(domain, batch, wanted.after, wanted.limit, None)
        counts = await self._counts.look(content)
        found: list[DeliveryStatus] = []
        after, looked_at = wanted.after, 0
        while looked_at < MOST_LOOKED_AT:
            skipped = _skipped(content, counts, wanted.state, after)
            if skipped is None:
                return DeliveryPage(found)
            page = await self._read.deliveries(domain, batch, skipped, _STEP, None)
            looked_at += _STEP
            for each in page.deliveries:
                if each.state == wanted.state:
                    found.append(each)
                if len(found) == wanted.limit:
                    return DeliveryPage(found, each.delivery)
            after = page.next
            if not after:
                return DeliveryPage(found)
        return DeliveryPage(found, after)


def _skipped(content: Content, counts: Counts, state: State, after: str) -> str | None:
    """`after`, moved to in front of the next Bag that may hold such a Delivery; None: none does."""
    if not content.bag_size:
        return None
    start = parse_delivery(after)
    if after and start is None:
        return after  # the reader says what is wrong with it
    first = start[1] if start else 0
    bags = -(-content.accepted // content.bag_size)
    for bag in range(first, bags):
        if not _may_hold(content, counts, state, bag):
            continue
        if bag == first:
            return after
        return delivery_id(content.batch, bag - 1, _BEHIND_ALL)
    return None


def _may_hold(content: Content, counts: Counts, state: State, bag: int) -> bool:
    if bag in counts.pending:
        return True
    known = counts.by_bag.get(bag)
    if state is State.QUEUED:
        return known is None or known.total() < size_of_bag(content, bag)
    return known is not None and known[state] > 0
