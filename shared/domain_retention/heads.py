"""What the contents of Batches say about how long they are kept."""

from collections.abc import Mapping, Sequence

import msgspec

from shared import keys
from shared.codec import unpack
from shared.domain_retention.listings import Budget
from shared.domain_retention.own import Own
from shared.errors import Malformed, NotFound
from shared.store.base import Store
from shared.together import together

_AT_ONCE = 16


class Head(msgspec.Struct):
    """What of a Batch's content is needed here."""

    domain: str
    accepted_at: float
    due_at: float
    tags: list[str] = []
    hosted_unsubscribe: bool = False

    def since(self, own: Own) -> float:
        """From when on it ages."""
        longer_s = own.longer_s if self.hosted_unsubscribe else 0.0
        return max(self.accepted_at, self.due_at) + longer_s


Heads = dict[str, Head | None]
"""Batch → its head; None: there is no content, or none that can be read."""

_DECODER = msgspec.json.Decoder(Head)


async def load(store: Store, batches: Sequence[str], budget: Budget) -> Heads:
    """Raises `Temporary`."""
    heads: Heads = {}
    for start in range(0, len(batches), _AT_ONCE):
        group = batches[start : start + _AT_ONCE]
        heads |= zip(group, await together(_load(store, each) for each in group), strict=True)
    budget.spend(len(batches))
    return heads


async def _load(store: Store, batch: str) -> Head | None:
    try:
        return _DECODER.decode(unpack((await store.get(keys.content(batch))).body))
    except (NotFound, Malformed, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def of_domain(heads: Mapping[str, Head | None], domain: str) -> dict[str, Head]:
    """Those that are the Domain's."""
    return {batch: head for batch, head in heads.items() if head and head.domain == domain}
