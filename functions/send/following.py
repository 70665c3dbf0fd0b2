"""The Bag with all that is to come after an attempt. Pure.

It is derived from the Bag and from recorded Outcomes alone: not from the clock, and not from what
the configuration says by now. A repeat makes the same Bag, whenever it comes; else two Bags of one
attempt, due at different times, would be sent side by side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from functions.send.bagfile import AttemptHeader
from functions.send.decide import HELD, due_now, is_late
from shared.ids import delivery_id
from shared.model import BagHeader, Envelope
from shared.outcome import Outcome, State

TOGETHER_S = 300.0
"""A Bag takes along what is due so soon after its first Envelope, or as soon as the longest wait
in it, if that is shorter."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What other attempts of the Bag have recorded: which Deliveries are not this one's to send."""

    settled: frozenset[str] = frozenset()
    """They have a final Outcome."""
    ahead: frozenset[str] = frozenset()
    """A later attempt has deferred them: that one goes on with them."""

    def has(self, delivery: str) -> bool:
        return delivery in self.settled or delivery in self.ahead


def next_bag(
    header: BagHeader,
    envelopes: Sequence[Envelope],
    outcomes: Mapping[str, Outcome],
    report_delay_after_s: float,
    elsewhere: Elsewhere = Elsewhere(),
) -> tuple[float, AttemptHeader, list[Envelope]] | None:
    """(due, header, Envelopes) of the Bag with all that is to come, or None."""

    def following(envelope: Envelope) -> Envelope | None:
        delivery = delivery_id(header.batch, header.bag, envelope.n)
        outcome = outcomes.get(delivery)
        if outcome is not None:
            return _after(header, envelope, outcome, report_delay_after_s)
        passed_on = delivery in elsewhere.ahead or not due_now(header, envelope)
        return envelope if passed_on else None

    again = [each for each in map(following, envelopes) if each is not None]
    left = [
        each
        for each in again
        if delivery_id(header.batch, header.bag, each.n) not in elsewhere.settled
    ]
    if not left:
        return None
    # What is settled by now counts here, too: the same Bag is due at the same time, always.
    due = _due([each.not_before for each in again], outcomes)
    return due, _header_after(header, due), left


def _due(times: Sequence[float], outcomes: Mapping[str, Outcome]) -> float:
    """When the first one is due, and those that are due shortly after it."""
    deferred = [each for each in outcomes.values() if each.outcome == State.DEFERRED]
    longest_s = max((each.retry_at - each.at for each in deferred), default=TOGETHER_S)
    last = min(times) + min(TOGETHER_S, max(0.0, longest_s))
    return max(each for each in times if each <= last)


def _header_after(header: BagHeader, due: float) -> AttemptHeader:
    return AttemptHeader(
        batch=header.batch,
        bag=header.bag,
        attempt=header.attempt + 1,
        domain=header.domain,
        due_at=header.due_at,
        at=due,
        pool=header.pool,
        reports_to=header.reports_to,
        shared=header.shared,
    )


def _after(
    header: BagHeader, envelope: Envelope, outcome: Outcome, report_delay_after_s: float
) -> Envelope | None:
    """The Envelope as the next Bag has it, or None if it has come to its end."""
    if outcome.outcome != State.DEFERRED:
        return None
    return Envelope(
        n=envelope.n,
        recipient=envelope.recipient,
        return_path=envelope.return_path,
        message=envelope.message,
        # Suppressed since it was deferred, and made again by a replay: it has no message.
        rejected=envelope.rejected,
        detail=envelope.detail,
        answered=f"{outcome.code} {outcome.text}" if outcome.code else envelope.answered,
        tries=envelope.tries + (outcome.reason != HELD),
        not_before=outcome.retry_at,
        delay_reported=envelope.delay_reported or is_late(header, outcome, report_delay_after_s),
    )
