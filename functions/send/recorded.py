"""What is recorded of a Bag: of one attempt, and what the other attempts say about its Deliveries.

One listing of the Bag's Outcomes, and a read for each part that may say something new: those of
this attempt, and of later ones, which are there when work was replayed or a late twin came. Those
of earlier attempts are read only if there are more of them than when this Bag was made.
"""

from dataclasses import dataclass

from functions.send.bagfile import AttemptHeader
from functions.send.following import Elsewhere
from shared import keys
from shared.batches import outcome_parts, read_outcomes
from shared.outcome import FINAL, Outcome
from shared.store.base import Store


@dataclass(frozen=True, slots=True)
class Recorded:
    """As one attempt finds it."""

    outcomes: dict[str, Outcome]
    """Delivery → its Outcome in this attempt."""
    next_part: int
    parts: int
    """How many there are, of earlier attempts and this one."""
    elsewhere: Elsewhere


async def read_recorded(store: Store, header: AttemptHeader) -> Recorded:
    batch, bag = header.batch, header.bag
    ours = keys.outcomes_of_attempt(batch, bag, header.attempt)
    late = keys.late_outcome(batch, bag, "").removesuffix(".jsonl")  # `bounce` writes those
    parts = await outcome_parts(store, keys.outcomes_of_bag(batch, bag))
    parts = [key for key in parts if not key.startswith(late)]
    own = [key for key in parts if key.startswith(ours)]
    before = [key for key in parts if key < ours]
    behind = parts[len(before) + len(own) :]
    earlier = await read_outcomes(store, before) if len(before) != header.parts_before else []
    later = await read_outcomes(store, behind)
    return Recorded(
        outcomes={each.delivery: each for each in await read_outcomes(store, own)},
        next_part=keys.parse_outcome_part(own[-1])[2] + 1 if own else 0,
        parts=len(before) + len(own),
        elsewhere=_elsewhere(earlier, later),
    )


def _elsewhere(earlier: list[Outcome], later: list[Outcome]) -> Elsewhere:
    settled = frozenset(each.delivery for each in earlier + later if each.outcome in FINAL)
    return Elsewhere(settled, frozenset(each.delivery for each in later) - settled)
