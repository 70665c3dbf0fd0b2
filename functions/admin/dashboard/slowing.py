"""Wrong logins wait before they are answered; a right one never does. Pure.

What a request says of its sender's address can be forged, so all are counted together. Tokens are
random and long: this is not what they rest on, but a guesser shall not keep the machine busy.
"""

from collections import deque

WINDOW_S = 600.0
FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 4.0
MOST_WAITING = 16
"""Wrong logins that wait at the same time; more are sent away at once. Whoever has the token gets
in all the same: strangers shall not lock operators out."""
_REMEMBERED = 100


class Slowing:
    """Times are seconds of any clock that only goes forward."""

    def __init__(self) -> None:
        self.waiting = 0
        self._wrong: deque[float] = deque(maxlen=_REMEMBERED)

    @property
    def is_full(self) -> bool:
        return self.waiting >= MOST_WAITING

    def wrong(self, now: float) -> float:
        """Count one; return for how long its answer waits."""
        while self._wrong and self._wrong[0] <= now - WINDOW_S:
            self._wrong.popleft()
        self._wrong.append(now)
        doubled = FIRST_DELAY_S * 2 ** min(len(self._wrong) - 1, 10)
        return float(min(doubled, LONGEST_DELAY_S))
