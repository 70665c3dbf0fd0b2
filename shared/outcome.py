"""What became of a Delivery: the states, the legal moves, and how they are folded from the records.

This is the only place that knows which Outcome may follow which. `docs/states.md` is generated
from the table (a test holds it to this file).
"""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from shared.errors import EkidenError


class State(StrEnum):
    """Where a Delivery is. All but `queued` are Outcomes."""

    QUEUED = "queued"
    """Accepted; nobody has tried to transmit it yet."""
    REJECTED = "rejected"
    """Ekiden refused it before transmission: address, suppression, template. Final."""
    DELIVERED = "delivered"
    """The next server took responsibility (250). It never means that a person read it. Final."""
    DEFERRED = "deferred"
    """A 4xx or no answer; another attempt will follow."""
    BOUNCED = "bounced"
    """A remote server said no, now or too often. It carries that reply. Final."""
    FAILED = "failed"
    """The retry window closed and no server ever answered. Final."""
    CANCELLED = "cancelled"
    """The app took it back before it was transmitted. Final."""


MOVES: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset(State) - {State.QUEUED},
    State.DEFERRED: frozenset(State) - {State.QUEUED},
    # A server may accept now and say no later, by a report to the return path.
    State.DELIVERED: frozenset({State.BOUNCED}),
    State.REJECTED: frozenset(),
    State.BOUNCED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
}
OPEN = frozenset({State.QUEUED, State.DEFERRED})
FINAL = frozenset(State) - OPEN


class IllegalMove(EkidenError):
    """An Outcome that may not follow the one before it. Nothing was changed."""


def move(now: State, to: State) -> State:
    """The state after `to` was recorded. Raises `IllegalMove`."""
    if to not in MOVES[now]:
        raise IllegalMove(f"a Delivery that is {now} cannot become {to}")
    return to


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One line of an `outcomes/` object: what one attempt came to."""

    delivery: str
    recipient: str
    outcome: State
    at: float
    """Seconds since 1970."""
    attempt: int = 0
    code: int | None = None
    """The SMTP reply code; absent when no server answered."""
    enhanced: str = ""
    """RFC 3463."""
    text: str = ""
    """What the remote server said, or, without a code, what we saw."""
    reason: str = ""
    """A stable word: why it was rejected, or at which step of the dialogue it ended."""
    bounce_class: str = msgspec.field(default="", name="class")
    """Why a server, or its silence, kept it from being delivered (`shared/bounce_classes.py`)."""
    hard: bool = False
    """It would be the same tomorrow; a soft one may pass."""
    retry_at: float = 0  # an int, so that what is nothing is left out of the object
    """When a `deferred` one is tried again, seconds since 1970."""
    return_path: str = ""
    """Another Recipient's of the Bag, if it shared a transaction: a report comes back to that."""
    host: str = ""
    address: str = ""
    tls: str = ""
    """What was negotiated, such as "TLSv1.3"; "" for plain text."""
    tls_proof: str = ""
    """What proved the server's name: "pki" (RFC 5280, MTA-STS), "dane" (RFC 7672), or ""."""
    ambiguous: bool = False
    """It may have been taken before: the connection ended behind the final dot (RFC 5321
    §4.5.3.2.6), or an earlier sender died while it was sending this Bag."""
    queued_s: float = 0
    """In the queue of its destination."""
    connect_s: float = 0
    """Opening the connection that it was the first one on; 0 on one that was open."""
    transmit_s: float = 0
    """From MAIL to the last reply."""


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Outcome)


def encode_lines(outcomes: Iterable[Outcome]) -> bytes:
    """JSON Lines, as they stand in the bucket."""
    return _ENCODER.encode_lines(outcomes)


def decode_lines(body: bytes) -> list[Outcome]:
    return _DECODER.decode_lines(body)


def latest(outcomes: Iterable[Outcome]) -> dict[str, Outcome]:
    """Delivery → its Outcome now. Lines that may not follow what is there are passed over.

    Several lines for one Delivery arise from retries and, after a crash, from repeats. Lines
    come in the order of attempt and part, that is: as their keys sort.
    """
    now: dict[str, Outcome] = {}
    for outcome in outcomes:
        before = now.get(outcome.delivery)
        if outcome.outcome in MOVES[before.outcome if before else State.QUEUED]:
            now[outcome.delivery] = outcome
    return now


def count(outcomes: Iterable[Outcome]) -> Counter[State]:
    return Counter(outcome.outcome for outcome in outcomes)
