"""How fast a site takes mail just now: learnt from its answers. Pure; the time comes in.

It begins with a few connections. Each success is worth a part of one more, so that a round of
successes on all of them adds one, up to the limit. An answer that asks for less (421, "too many",
silence) halves the connections, and the mails a minute to half of what went through; both come
back slowly. Postfix and KumoMTA proceed alike.
"""

import math

from functions.send.destinations.limits import Limits

FIRST_CONNECTIONS = 5
COOLING_S = 10.0
"""One complaint counts for so long: all connections hear it at the same time."""
RECOVERY_A_MINUTE = 1.25
UNLIMITED = math.inf
FREE_ABOVE = 10.0
"""A rate that has grown to so many times the one that was complained about is no limit any more."""
SLOWEST_A_MINUTE = 10.0
"""A site that complains about the second mail of a quiet hour does not mean two an hour."""
LEAST_WAIT_S = 0.001
"""Rounding must not make anybody wait for nothing, again and again."""
BURST_S = 5.0
"""So much of a minute's mails may go at once."""


class Pace:
    """What one site may be given at a moment, from one sending address."""

    def __init__(self, limits: Limits, now: float) -> None:
        self.limits = limits
        self._connections = float(min(FIRST_CONNECTIONS, limits.connections))
        self._ceiling = float(limits.per_minute) or UNLIMITED
        self._per_minute = self._ceiling
        self._complained_at_rate = UNLIMITED
        self._tokens = self._most_tokens()
        self._counted_at = now
        self._recent = 0.0
        self._recent_at = now
        self._cooling_until = 0.0

    @property
    def connections(self) -> int:
        """How many may be open."""
        return int(self._connections)

    @property
    def per_minute(self) -> float:
        """How many mails a minute may go; infinite without a limit."""
        return self._per_minute

    def take(self, now: float) -> bool:
        """Whether one more mail may go now; it then counts."""
        if self._per_minute != UNLIMITED:
            self._count(now)
            if self._tokens < 1:
                return False
            self._tokens -= 1
        self._recent = self.recent(now) + 1
        self._recent_at = now
        return True

    def look(self, now: float) -> None:
        """Come back by what the time that has passed is worth."""
        self._count(now)

    def wait_s(self, now: float) -> float:
        """How long until one more may go."""
        if self._per_minute == UNLIMITED:
            return 0.0
        self._count(now)
        if self._tokens >= 1:
            return 0.0
        return max(LEAST_WAIT_S, (1 - self._tokens) * 60 / self._per_minute)

    def recent(self, now: float) -> float:
        """About how many mails went within the last minute."""
        return self._recent * math.exp((self._recent_at - now) / 60)

    def went_well(self, now: float) -> None:
        """The site took a mail, or refused it for the mail's own sake."""
        if now >= self._cooling_until and self._connections < self.limits.connections:
            self._connections += 1 / self._connections

    def slow_down(self, now: float) -> bool:
        """The site complained. False while it is cooling from an earlier complaint."""
        if now < self._cooling_until:
            return False
        self._count(now)
        self._cooling_until = now + COOLING_S
        self._connections = max(1.0, self._connections / 2)
        rate = max(SLOWEST_A_MINUTE, min(self._per_minute, self.recent(now)) / 2)
        rate = min(rate, self._ceiling)
        self._complained_at_rate = rate
        self._per_minute = rate
        self._tokens = min(self._tokens, 0.0)
        return True

    @property
    def is_slowed(self) -> bool:
        return self._per_minute < self._ceiling

    def _count(self, now: float) -> None:
        """Add the tokens, and the recovery, of the time that has passed."""
        minutes = max(0.0, now - self._counted_at) / 60
        self._counted_at = max(now, self._counted_at)
        if self._per_minute != UNLIMITED:
            self._tokens = min(self._most_tokens(), self._tokens + minutes * self._per_minute)
        if self.is_slowed and now >= self._cooling_until:
            grown = self._per_minute * RECOVERY_A_MINUTE**minutes
            if self._ceiling == UNLIMITED and grown > FREE_ABOVE * self._complained_at_rate:
                grown = UNLIMITED
            self._per_minute = min(grown, self._ceiling)

    def _most_tokens(self) -> float:
        if self._per_minute == UNLIMITED:
            return 0.0
        return max(1.0, self._per_minute * BURST_S / 60)
