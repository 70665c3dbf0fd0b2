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
        self._begun_at = math.inf
        self._looked_at = 0.0
        self._settled = 0
        self._rate = 0.0
        self._booked_until = 0.0

    def begin(self, now: float) -> None:
        """Somebody works on it from now on, and it has mails again."""
        self._begun_at = now
        self._looked_at = max(self._looked_at, now)

    @property
    def is_resting(self) -> bool:
        return self._begun_at == math.inf

    def rest(self) -> None:
        """It is empty: that it stands still until somebody works on it again says nothing."""
        self._begun_at = math.inf

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
        speed = self._speed(now, per_minute)
        return math.ceil(speed * self._hold_after_s) if speed < math.inf else math.inf

    def book(self, now: float, per_minute: float) -> float:
        """When one mail more may come, in seconds from now: each is given the next free moment."""
        speed = max(SLOWEST, self._speed(now, per_minute))
        last = max(LONGEST_DELAY_S, self._hold_after_s)
        free = max(now + self._hold_after_s, self._booked_until) + 1 / speed
        self._booked_until = min(free, now + last)
        return self._booked_until - now

    def _speed(self, now: float, per_minute: float) -> float:
        """Mails a second: what may go, and, once it is known, what does."""
        allowed = per_minute / 60
        known = now - self._begun_at >= GRACE_S
        return min(allowed, self._rate) if known else allowed

    def said(self, now: float) -> str:
        """The rate as a person reads it."""
        return f"{self._rate * 60:.0f} mails a minute"
