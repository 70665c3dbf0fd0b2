"""What the queues with the same provider share: its pace, and permits to connect."""

from collections import deque
from typing import Protocol

from functions.send.destinations.limits import Limits
from functions.send.destinations.pace import Pace


class Waiting(Protocol):
    """A queue that wants one more connection."""

    def wake(self) -> None:
        """There may be a permit now."""


class Site:
    """One provider, from one sending address."""

    def __init__(self, name: str, limits: Limits, now: float) -> None:
        self.name = name
        self.limits = limits
        self.pace = Pace(limits, now)
        self.open = 0
        self._wanted: deque[Waiting] = deque()

    def try_to_open(self, queue: Waiting) -> bool:
        """Take a permit for one more connection; or be woken when there may be one."""
        if self.open < self.pace.connections:
            self.open += 1
            return True
        if queue not in self._wanted:
            self._wanted.append(queue)
        return False

    def close_one(self) -> None:
        """Give a permit back: the queue that has wanted one for longest is asked first."""
        self.open -= 1
        self.more()

    def more(self) -> None:
        """There may be room for more connections."""
        for _ in range(min(len(self._wanted), max(0, self.pace.connections - self.open))):
            self._wanted.popleft().wake()
