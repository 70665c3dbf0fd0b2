"""Headers, Envelopes, verdicts and Outcomes for the tests of send."""

from typing import Any

from functions.send.smtp.verdict import Verdict
from shared.ids import delivery_id
from shared.model import BagHeader, Envelope
from shared.outcome import Outcome, State

BATCH = "01hf7yat00abcdefghjkmnpqrs"
DUE_AT = 1_700_000_000.0


def header(attempt: int = 0, **given: Any) -> BagHeader:
    given = {"bag": 7, **given}
    return BagHeader(batch=BATCH, attempt=attempt, domain="example.org", due_at=DUE_AT, **given)


def envelope(n: int = 0, **given: Any) -> Envelope:
    return Envelope(n=n, recipient=f"r{n}@sink.example", return_path="b@example.org", **given)


def verdict(code: int | None, text: str = "", **given: Any) -> Verdict:
    """What `mx.sink.example` said to our DATA, or, without a code, that it was silent."""
    place = {"host": "mx.sink.example", "address": "192.0.2.1:25", "tls": "TLSv1.3"}
    return Verdict(code, "", text, **place, **{"stage": "data", **given})


def outcome(n: int = 0, state: State = State.DELIVERED, **given: Any) -> Outcome:
    given = {"at": DUE_AT, **given}
    delivery = delivery_id(BATCH, 7, n)
    return Outcome(delivery=delivery, recipient=f"r{n}@sink.example", outcome=state, **given)
