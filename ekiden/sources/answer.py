"""What became of an event, in the three words that every source understands.

`done`: never tell it again. `again`: tell it again, after a while. `never`: it can never be done,
so telling it again would be in vain; its object, if there is one, is found by the sweep.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

LONGEST_PAUSE_S = 300.0
"""Between two tries: SQS and NATS count them, and people watch what grows."""


class Verdict(StrEnum):
    """What to do with the message."""

    DONE = "done"
    AGAIN = "again"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Answer:
    """To one message, or to one event in it."""

    verdict: Verdict
    after_s: float | None = None
    """Of `again`: how long to wait; None: the longer, the more often it was tried."""
    why: str = ""


DONE = Answer(Verdict.DONE)


def of_reply(status: int, retry_after: str, now: datetime) -> Answer:
    """What a stage's HTTP answer means (docs/events.md). `retry_after`: RFC 9110 §10.2.3.

    Statuses that speak of our own configuration (401, 404, 413, redirects) are `again`: somebody
    will set it right, and until then nothing may be lost.
    """
    why = f"it answered {status}"
    if 200 <= status < 300:
        return DONE
    if status in (400, 422):
        return Answer(Verdict.NEVER, why=why)
    return Answer(Verdict.AGAIN, _wait_s(retry_after.strip(), now), why)


def _wait_s(retry_after: str, now: datetime) -> float | None:
    if retry_after.isascii() and retry_after.isdigit():
        return min(float(retry_after[:9]), LONGEST_PAUSE_S)
    try:
        moment = parsedate_to_datetime(retry_after)
        return min(max((moment - now).total_seconds(), 0.0), LONGEST_PAUSE_S)
    except (ValueError, TypeError, OverflowError):  # no date, or one without a zone
        return None


def worst(answers: Iterable[Answer]) -> Answer:
    """Of the events in one message: when one shall come again, all do, and find done what is."""
    order = (Verdict.DONE, Verdict.NEVER, Verdict.AGAIN)
    return max(
        answers, key=lambda each: (order.index(each.verdict), each.after_s or 0.0), default=DONE
    )


def pause_s(tries: int, longest_s: float = LONGEST_PAUSE_S) -> float:
    """How long to wait after so many tries, from 1: 1, 2, 4 … seconds."""
    return min(2.0 ** min(max(tries - 1, 0), 30), longest_s)
