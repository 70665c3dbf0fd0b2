"""What is looked at when. Pure.

What is new is found by listing, and the keys are in the order of time: a pass lists what has become
older than its age since it came here last. Nearly everything is found by the first pass; the later
ones find what came in front of its stage late, such as a Batch that waited in `failed/`.

A Batch that is open is looked at when its next attempt is due; if nothing is there yet, again and
again, each time after a fifth more of the time that it has been overdue.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

DAY_S = 86_400.0
AGES_S = (0.0, 60.0, 600.0, 6 * 3600.0, 3 * DAY_S, 30 * DAY_S)
"""How old the keys are that each pass lists."""
GROWTH = 1.2
QUIET_LONGEST_S = 900.0
"""A Domain where nothing happens is asked for events at least this often."""
HELD_S = 3600.0
"""Mail that is overdue for longer (failed work, a paused destination) says nothing about how far
the counting is."""


class Span(NamedTuple):
    """What one pass lists now: keys made from `start` to before `end`, seconds since 1970."""

    number: int
    start: float
    end: float


def first_positions(now: float) -> list[float]:
    """Of somebody who begins: the first pass goes over all that there is."""
    return [0.0, *(now - age_s for age_s in AGES_S[1:])]


def due_spans(positions: Sequence[float], now: float, interval_s: float) -> list[Span]:
    """What is to be listed now, the oldest first."""
    spans = []
    for number, (start, age_s) in enumerate(zip(positions, AGES_S, strict=True)):
        end = now - age_s
        if end - start >= max(interval_s if number else 0.0, age_s / 5) and end > start:
            spans.append(Span(number, start, end))
    return spans[::-1]


def looks_until(first: float, now: float, interval_s: float) -> int:
    """How many looks were due until now at a Batch that is looked at from `first` on."""
    overdue_s = now - first
    if overdue_s < interval_s:
        return int(overdue_s >= 0)
    return 2 + int(math.log(overdue_s / interval_s, GROWTH))


def look_time(first: float, number: int, interval_s: float) -> float:
    """When the look of this number (from 1) is due."""
    if number <= 1:
        return first
    return first + interval_s * math.pow(GROWTH, number - 2)


def quiet_s(rounds: int, interval_s: float) -> float:
    """How long to leave a Domain alone where so many rounds found no event."""
    return min(interval_s * math.pow(2, min(rounds, 20)), max(QUIET_LONGEST_S, interval_s))
