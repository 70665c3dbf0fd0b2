"""When a mail came, and when to look again. Pure."""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

from shared.errors import Malformed

FIRST_LOOK_S = 4.0
"""A server may report before `send` has written the Outcome: within a second."""
LAST_LOOK_S = 48 * 3600.0
"""Longer than an ambiguous Delivery stays deferred."""

_RECEIVED = re.compile(rb"Received:([^\n]*(?:\n[ \t][^\n]*)*)")


def arrived_at(message: bytes) -> float:
    """Seconds since 1970, from the Received header that our listener put on top (RFC 5321 §4.4).

    Raises `Malformed`.
    """
    match = _RECEIVED.match(message)
    stamp = match[1].rpartition(b";")[2].decode("ascii", "replace") if match else ""
    try:
        when = parsedate_to_datetime(" ".join(stamp.split()))
        at = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise Malformed("the Received header on top has no date") from error
    if not 0 <= at < 1 << 33:
        raise Malformed(f"the Received header on top has an impossible date: {stamp.strip()}")
    return at


def next_look(at: float, now: float) -> float | None:
    """When to look again at what came at `at`: each pause is twice as long. None: never more."""
    pause_s = FIRST_LOOK_S
    while at + pause_s <= now:
        pause_s *= 2
        if pause_s > LAST_LOOK_S:
            return None
    return at + pause_s
