"""What the queues with the same provider share: its pace, and permits to connect."""

import asyncio
from typing import Protocol

from functions.send.destinations.limits import Limits
from functions.send.destinations.pace import Pace
from functions.send.smtp.connection import Connection


class Waiting(Protocol):
    """A queue that wants one more connection."""

    def wake(self) -> None:
        """There may be a permit now."""


class Keeper(Protocol):
    """Who keeps an idle connection."""

    def dismiss(self, connection: Connection) -> asyncio.Task[None]:
        """End it."""


class Site:
    """One provider, from one sending address."""

    def __init__(self, name: str, limits: Limits, now: float) -> None:
        self.name = name
        self.limits = limits
        self.pace = Pace(limits, now)
        self.open = 0
        self.idle: dict[Connection, Keeper] = {}
        """Open connections that nobody uses, of all queues, the oldest first."""
        self._wanted: dict[Waiting, None] = {}

    def is_wanted_beside(self, queue: Waiting) -> bool:
        """Another queue waits for a permit."""
        return len(self._wanted) > (queue in self._wanted)

    def try_to_open(self, queue: Waiting) -> bool:
        """Take a permit for one more connection; or be woken when there may be one."""
        if self.open < self.pace.connections:
            self.open += 1
            return True
        self._wanted[queue] = None
        return False

    def make_room(self) -> None:
        """Who has a permit opens a connection: idle ones beyond the limit have to go."""
        while self.idle and self.open + len(self.idle) > self.pace.connections:
            connection, keeper = next(iter(self.idle.items()))
            keeper.dismiss(connection)

    def close_one(self) -> None:
        """Give a permit back: the queue that has wanted one for longest is asked first."""
        self.open -= 1
        self.more()

    def more(self) -> None:
        """There may be room for more connections. Not everyone still wants one."""
        while self._wanted and self.open < self.pace.connections:
            queue = next(iter(self._wanted))
            del self._wanted[queue]
            queue.wake()
