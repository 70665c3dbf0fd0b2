"""What the answer of a server makes of a Delivery. Pure."""

from functions.send.retry import RetryPolicy
from functions.send.smtp.verdict import Verdict
from shared.ids import delivery_id
from shared.model import BagHeader, Envelope
from shared.outcome import Outcome, State

MAX_TEXT_CHARS = 1000


def outcome_of(
    header: BagHeader, envelope: Envelope, verdict: Verdict, at: float, policy: RetryPolicy
) -> Outcome:
    """The Outcome of one attempt (RFC 5321 §4.2.1: 2 accepts, 4 may change, 5 will not)."""
    return Outcome(
        delivery=delivery_id(header.batch, header.bag, envelope.n),
        recipient=envelope.recipient,
        outcome=_state(header, envelope, verdict, at, policy),
        at=at,
        attempt=header.attempt,
        code=verdict.code,
        enhanced=verdict.enhanced,
        text=verdict.text[:MAX_TEXT_CHARS],
        reason="" if verdict.kind == "accepted" else verdict.stage,
        host=verdict.host,
        address=verdict.address,
        tls=verdict.tls,
        ambiguous=verdict.ambiguous,
    )


def _state(
    header: BagHeader, envelope: Envelope, verdict: Verdict, at: float, policy: RetryPolicy
) -> State:
    if verdict.kind == "accepted":
        return State.DELIVERED
    if verdict.kind == "permanent":
        return State.REJECTED if verdict.ours else State.BOUNCED
    again = policy.next_attempt(header.batch, header.bag, header.attempt, at, header.due_at)
    if again is not None:
        return State.DEFERRED
    answered = verdict.code is not None or envelope.answered
    return State.BOUNCED if answered else State.FAILED


def local_outcome(
    header: BagHeader, envelope: Envelope, state: State, at: float, reason: str, text: str = ""
) -> Outcome:
    """An Outcome that no server had a part in: rejected or cancelled."""
    return Outcome(
        delivery=delivery_id(header.batch, header.bag, envelope.n),
        recipient=envelope.recipient,
        outcome=state,
        at=at,
        attempt=header.attempt,
        reason=reason,
        text=text[:MAX_TEXT_CHARS],
    )


def next_bag(
    header: BagHeader, envelopes: list[Envelope], outcomes: dict[str, Outcome], policy: RetryPolicy
) -> tuple[float, BagHeader, list[Envelope]] | None:
    """(due, header, Envelopes) of the Bag with all that is deferred, or None.

    It is derived from recorded Outcomes alone: a repeat after a crash makes the same Bag.
    """
    again: list[Envelope] = []
    last = 0.0
    for envelope in envelopes:
        outcome = outcomes.get(delivery_id(header.batch, header.bag, envelope.n))
        if outcome is None or outcome.outcome != State.DEFERRED:
            continue
        last = max(last, outcome.at)
        said = f"{outcome.code} {outcome.text}" if outcome.code else envelope.answered
        again.append(
            Envelope(
                n=envelope.n,
                recipient=envelope.recipient,
                return_path=envelope.return_path,
                message=envelope.message,
                answered=said,
            )
        )
    if not again:
        return None
    due = last + policy.delay_s(header.batch, header.bag, header.attempt)
    following = BagHeader(
        batch=header.batch,
        bag=header.bag,
        attempt=header.attempt + 1,
        domain=header.domain,
        due_at=header.due_at,
        shared=header.shared,
    )
    return due, following, again
