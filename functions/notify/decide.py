"""What an answer means, and when the next try is. Pure.

2xx         taken
410         the Webhook wants no more: it is switched off (Standard Webhooks)
all others  tried again: after the times of `webhooks.retries`, one after the other, later if
            the answer says so (`Retry-After`); then the call goes to `failed/notify/`
"""

from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum

from shared.ids import unit_interval
from shared.notifying import Call

JITTER = 0.2
"""So much of a delay at most comes on top, derived from the call's name."""
LONGEST_DELAY_S = 24 * 3600.0
FIRST_HOLD_S = 20.0
LONGEST_HOLD_S = 1800.0
LEFT_ALONE_S = 3.0
"""A Webhook that did not answer is not called by anybody here for so long."""
MOST_HOLDS = 20
"""Then it counts as a try in vain."""
MOST_TURNS = 1000
"""Of one call: a turn's number has three digits in its key."""


class Verdict(StrEnum):
    """What one POST came to."""

    TAKEN = "taken"
    HELD = "held"
    """Not tried: it is left alone at the moment."""
    AGAIN = "again"
    """This one was not taken; the next one may be."""
    DOWN = "down"
    """Nobody answers: no other POST is worth its time now."""
    GONE = "gone"
    """It wants no more."""


BADNESS = tuple(Verdict)


@dataclass(frozen=True, slots=True)
class Waits:
    """How long there is to wait."""

    retries_s: Sequence[float]
    """Behind each try in vain."""
    retry_after_s: float = 0.0
    """At least, as the Webhook says."""


@dataclass(frozen=True, slots=True)
class Next:
    """When the rest of a call comes again, and what it counts by then."""

    delay_s: float
    attempt: int
    holds: int = 0


def verdict(status: int) -> Verdict:
    """Of an answer's status; 0: there was none."""
    if 200 <= status < 300:
        return Verdict.TAKEN
    if status == 410:
        return Verdict.GONE
    return Verdict.DOWN if status in (0, 429, 502, 503, 504) else Verdict.AGAIN


def following(call: Call, name: str, worst: Verdict, progress: bool, waits: Waits) -> Next | None:
    """How the rest of a call goes on; None: it was tried often enough.

    Who takes some of it, however slowly, is no dead Webhook: its tries are counted anew.
    """
    if worst is Verdict.TAKEN:  # only the time was over
        return Next(0.0, call.attempt)
    if worst is Verdict.HELD and call.holds < MOST_HOLDS:
        return Next(_hold_s(call.holds, name), call.attempt, call.holds + 1)
    tried = 0 if progress else call.attempt
    if tried >= len(waits.retries_s):
        return None
    jittered_s = waits.retries_s[tried] * (1 + JITTER * unit_interval(f"{name} {tried}"))
    return Next(min(max(jittered_s, waits.retry_after_s), LONGEST_DELAY_S), tried + 1)


def _hold_s(holds: int, name: str) -> float:
    """Spread, so that not all come at once."""
    longest_s = min(FIRST_HOLD_S * 2.0 ** min(holds, 10), LONGEST_HOLD_S)
    return longest_s * (0.5 + unit_interval(f"{name} held {holds}") / 2)


def retry_after_s(text: str, now: float) -> float:
    """Seconds of a `Retry-After` header (RFC 9110 §10.2.3); 0 if it says nothing of use."""
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), LONGEST_DELAY_S))
    try:
        wanted_s: float = parsedate_to_datetime(text).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(0.0, wanted_s), LONGEST_DELAY_S)


def in_turn(count: int, attempt: int) -> list[int]:
    """The order in which `count` POSTs are tried: another one comes first each time, so that
    those that are never taken do not stand before the others for ever."""
    first = attempt * 7919 % count if count else 0  # a prime: no count divides it
    return [*range(first, count), *range(first)]
