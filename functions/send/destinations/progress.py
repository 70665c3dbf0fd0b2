"""How fast a queue moves, how much of it can wait in memory, and when the rest may come. Pure."""

import math

GRACE_S = 15.0
"""A queue that has just begun to move has no rate yet."""
SMOOTHING_S = 10.0
LONGEST_DELAY_S = 3600.0
SLOWEST = 1 / 60
"""Mails a second: what does not move at all is asked again in an hour at the latest."""


class Progress:
    """Of one queue. The time is that of the event loop, in seconds."""

    def __init__(self, hold_after_s: float) -> None:
        self._hold_after_s = hold_after_s
        self._begun_at = 0.0
        self._looked_at = 0.0
        self._settled = 0
        self._rate = 0.0
        self._booked_until = 0.0

    def begin(self, now: float) -> None:
        """Something was put into the queue, which was empty."""
        self._begun_at = now
        self._looked_at = max(self._looked_at, now)

    def settled(self, count: int) -> None:
        self._settled += count

    def look(self, now: float) -> None:
        """Take what was settled since the last look into the rate. To be called every second."""
        passed_s = now - self._looked_at
        if passed_s > 0:
            weight = 1 - math.exp(-passed_s / SMOOTHING_S)
            self._rate += weight * (self._settled / passed_s - self._rate)
            self._settled = 0
            self._looked_at = now

    def room(self, now: float, per_minute: float) -> float:
        """How many mails the destination will take within the time that they may wait."""
        rate = per_minute / 60
        if now - self._begun_at >= GRACE_S:
            rate = min(rate, self._rate)
        return math.ceil(rate * self._hold_after_s) if rate < math.inf else math.inf

    def book(self, now: float, per_minute: float) -> float:
        """When one mail more may come, in seconds from now: each is given the next free moment."""
        rate = max(SLOWEST, min(self._rate, per_minute / 60) or per_minute / 60)
        first = now + self._hold_after_s
        self._booked_until = max(first, self._booked_until) + (1 / rate if rate < math.inf else 0)
        self._booked_until = min(self._booked_until, now + max(LONGEST_DELAY_S, self._hold_after_s))
        return self._booked_until - now

    def said(self, now: float) -> str:
        """The rate as a person reads it."""
        return f"{self._rate * 60:.0f} mails a minute"
