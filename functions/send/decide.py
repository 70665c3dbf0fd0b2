"""What the answer of a server makes of a Delivery. Pure."""

from dataclasses import dataclass

from msgspec.structs import replace

from functions.send.retry import RetryPolicy
from functions.send.smtp.verdict import Verdict
from shared.bounce_classes import classify
from shared.ids import delivery_id
from shared.model import BagHeader, Envelope
from shared.outcome import Outcome, State

MAX_TEXT_CHARS = 1000
HELD = "held"
"""The reason of an Outcome that no server had a part in: the mail could not go just now."""


@dataclass(frozen=True, slots=True)
class Try:
    """When an Envelope was tried, and what was special about it."""

    at: float
    """Seconds since 1970."""
    queued_s: float = 0.0
    """How long it had waited for its turn at the destination."""
    repeated: bool = False
    """A sender that died may have transmitted it before."""


def outcome_of(
    header: BagHeader, envelope: Envelope, verdict: Verdict, when: Try, policy: RetryPolicy
) -> Outcome:
    """The Outcome of one attempt (RFC 5321 §4.2.1: 2 accepts, 4 may change, 5 will not)."""
    state, retry_at = _state(header, envelope, verdict, when.at, policy)
    said = None
    if verdict.kind != "accepted":
        said = classify(verdict.code, verdict.enhanced, verdict.text, verdict.stage)
    return Outcome(
        delivery=delivery_id(header.batch, header.bag, envelope.n),
        recipient=envelope.recipient,
        outcome=state,
        at=when.at,
        attempt=header.attempt,
        code=verdict.code,
        enhanced=verdict.enhanced,
        text=verdict.text[:MAX_TEXT_CHARS],
        reason="" if said is None else verdict.stage,
        bounce_class="" if said is None else said.name,
        hard=said is not None and said.hard,
        retry_at=retry_at or 0,
        return_path=verdict.return_path,
        host=verdict.host,
        address=verdict.address,
        tls=verdict.tls,
        tls_proof=verdict.tls_proof,
        ambiguous=verdict.ambiguous or when.repeated,
        queued_s=round(when.queued_s, 3) or 0,
        connect_s=round(verdict.connect_s, 3) or 0,
        transmit_s=round(verdict.transmit_s, 3) or 0,
    )


def _state(
    header: BagHeader, envelope: Envelope, verdict: Verdict, at: float, policy: RetryPolicy
) -> tuple[State, float]:
    """(state, when it is tried again or 0)"""
    if verdict.kind == "accepted" or (verdict.ambiguous and policy.ambiguous_is_delivered):
        return State.DELIVERED, 0.0
    if verdict.kind == "permanent":
        return State.REJECTED if verdict.ours else State.BOUNCED, 0.0
    again = policy.next_try(header, envelope.tries, at)
    if again is not None:
        return State.DEFERRED, again
    return _given_up(verdict.code is not None or bool(envelope.answered)), 0.0


def _given_up(answered: bool) -> State:
    """The window has closed: a server said no too often, or none said anything."""
    return State.BOUNCED if answered else State.FAILED


def held_outcome(
    header: BagHeader, envelope: Envelope, delay_s: float, why: str, at: float, policy: RetryPolicy
) -> Outcome:
    """The Outcome of a mail that could not go just now, and was not tried."""
    again = policy.within_window(header, at + delay_s)
    state = State.DEFERRED if again is not None else _given_up(bool(envelope.answered))
    plain = local_outcome(header, envelope, state, at, HELD, why)
    return replace(plain, retry_at=again or 0)


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


def due_now(header: BagHeader, envelope: Envelope) -> bool:
    """Whether this attempt is for this Envelope; otherwise it is only passed on.

    It is the Bag's own time that counts, not the clock's: a repeat must decide the same.
    """
    return envelope.not_before <= header.at


def is_late(header: BagHeader, outcome: Outcome, report_delay_after_s: float) -> bool:
    """Whether who sent it by SMTP wants to know that it is still under way."""
    deferred = outcome.outcome == State.DEFERRED
    return deferred and outcome.at >= header.due_at + report_delay_after_s
