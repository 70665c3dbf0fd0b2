"""What is recorded of a Bag's Deliveries. One listing, and a read for each part."""

from collections import OrderedDict
from dataclasses import dataclass

from shared import keys
from shared.batches import outcome_parts, read_outcomes
from shared.errors import Malformed
from shared.ids import parse_delivery
from shared.outcome import Outcome, decode_lines, latest
from shared.store.base import Store

REMEMBERED = 5000
"""Late Outcomes, each a line or two: a Bag whose mails all bounce must not be read 500 times."""


@dataclass(frozen=True, slots=True)
class Bag:
    """A Bag as it is recorded."""

    sent: dict[str, Outcome]
    """Delivery → what its last transmission came to."""
    last: dict[str, Outcome]
    """The same with all that was reported since, but for what this very mail has said."""
    ours: list[Outcome] | None
    """What this mail has made of it in an earlier run."""


class Recorded:
    """Reads Outcomes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._late: OrderedDict[str, list[Outcome]] = OrderedDict()

    async def bag(self, batch: str, bag: int, inbound_id: str) -> Bag:
        """Raises `Temporary`."""
        ours_key = keys.late_outcome(batch, bag, inbound_id)
        late_prefix = keys.late_outcome(batch, bag, "").removesuffix(".jsonl")
        parts = await outcome_parts(self._store, keys.outcomes_of_bag(batch, bag))
        sent = await read_outcomes(
            self._store, [key for key in parts if not key.startswith(late_prefix)]
        )
        late: list[Outcome] = []
        for key in parts:
            if key.startswith(late_prefix) and key != ours_key:
                late += await self.late(key)
        ours = await self.late(ours_key) if ours_key in parts else None
        return Bag(latest(sent), latest(sent + late), ours)

    async def late(self, key: str) -> list[Outcome]:
        """A late Outcomes object. It never changes, so it is read once."""
        known = self._late.get(key)
        if known is None:
            known = self._late[key] = decode_lines((await self._store.get(key)).body)
            if len(self._late) > REMEMBERED:
                self._late.popitem(last=False)
        return known


def bag_of(delivery: str) -> tuple[str, int]:
    """(batch, bag) of a Delivery. Raises `Malformed`; not for one that a good MAC has named."""
    place = parse_delivery(delivery)
    if place is None:
        raise Malformed(f"{delivery!r} is no Delivery")
    return place[0], place[1]
