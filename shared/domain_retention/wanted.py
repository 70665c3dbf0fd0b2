"""What a Domain may wish, and from when on something is too old. Pure.

Days are whole days of UTC, so that Domains with the same wish share their work: what is kept for
7 days goes in the night after its 7th whole day.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from shared.errors import Malformed

DAY_S = 86_400.0
BATCHES, EVENTS, RECEIVED, CALLS = KINDS = ("batches", "events", "received", "calls")
LEAST_DAYS = {BATCHES: 7, EVENTS: 1, RECEIVED: 1, CALLS: 1}
"""Of Batches: a mail is tried for a day, and the server that took it may report for five more that
it could not deliver it (RFC 5321 §4.5.4.1). A report finds its Delivery by what is kept."""
UNSUBSCRIBE_DAYS = 30
"""Of Batches whose Recipients unsubscribe at our page: who does is found by what is kept, and in
the United States the link has to work for so long (15 U.S.C. §7704(a)(3))."""
MOST_DAYS = 3650
"""Ten years, as for the options of the installation."""


def checked(days: Mapping[str, Any]) -> dict[str, int]:
    """Kind → days, as they may be written into a Domain's record. Raises `Malformed`."""
    for kind, number in days.items():
        if kind not in LEAST_DAYS:
            raise Malformed(f"{kind[:50]!r} is none of {', '.join(KINDS)}")
        if not _is_possible(kind, number):
            least = LEAST_DAYS[kind]
            raise Malformed(f"{kind}: write whole days, {least} to {MOST_DAYS}")
    return dict(days)


def parse_days(words: Iterable[str]) -> dict[str, int]:
    """The same from `batches=30`, as people write it. Raises `Malformed`."""
    found: dict[str, Any] = {}
    for word in words:
        kind, _, number = word.partition("=")
        if kind in found:
            raise Malformed(f"{kind}: it is there twice")
        found[kind] = int(number) if re.fullmatch("[0-9]{1,9}", number, re.ASCII) else number
    return checked(found)


def in_force(days: Mapping[str, Any]) -> dict[str, int]:
    """What of a record counts: nothing is deleted on account of what nobody could have set."""
    return {kind: days[kind] for kind in KINDS if _is_possible(kind, days.get(kind))}


def longer_s(days: int) -> float:
    """How much longer Batches stay whose Recipients unsubscribe at our page."""
    return max(0, UNSUBSCRIBE_DAYS - days) * DAY_S


def _is_possible(kind: str, number: Any) -> bool:
    is_whole = isinstance(number, int) and not isinstance(number, bool)
    return is_whole and LEAST_DAYS[kind] <= number <= MOST_DAYS


def day_begins(at: float) -> float:
    """The midnight before, in seconds since 1970."""
    return at // DAY_S * DAY_S


def cutoff(days: int, now: float) -> float:
    """What was made before this is too old."""
    return day_begins(now) - days * DAY_S
