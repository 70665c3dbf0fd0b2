"""Suppresses who does not exist (a hard bounce), before the Outcome that says so is recorded.

In this order a crash loses neither: died in between, the mail is sent again, and bounces again.
And what is recorded already suppresses nobody: an address that was taken off the list stays off
it when its Bag is replayed.
"""

from collections.abc import Sequence

from shared.model import BagHeader
from shared.outcome import Outcome, State
from shared.store.base import Store
from shared.together import together


async def suppress_gone(store: Store, header: BagHeader, outcomes: Sequence[Outcome]) -> None:
    gone = [each for each in outcomes if each.hard and each.outcome == State.BOUNCED]
    if not gone:
        return
    from shared import suppressions  # few Bags need them, and each start would wait for them

    # The attempt's time, not the answer's: when the mail is sent again, the same is put again.
    at = max(header.at, header.due_at)
    await together(
        suppressions.add(
            store,
            header.domain,
            suppressions.Suppression(
                email=each.recipient, reason="hard_bounce", at=at, delivery=each.delivery
            ),
        )
        for each in gone
    )
