"""How many connections may be open in all, without the slow ones keeping out the others."""

import asyncio
from collections import deque
from types import TracebackType

PATIENCE_S = 3.0
"""A connection on which nothing has come about for so long is a slow one."""

_Place = asyncio.Future[None]


class Jobs:
    """Permits for connections: `most` that make progress, and as many again that do not.

    A hundred servers that answer after ten seconds each thus leave all permits to the quick ones.
    """

    def __init__(self, most: int) -> None:
        self.quick = _Gate(most)
        self.slow = _Gate(most)

    def permit(self, *, slow: bool) -> "Permit":
        """For one connection; `slow` where the server is known to be."""
        return Permit(self, slow)


class Permit:
    """Held while the context lasts. One that turns out to be slow steps aside, to the others that
    are, as soon as there is a place among them."""

    def __init__(self, jobs: Jobs, slow: bool) -> None:
        self._jobs = jobs
        self._gate = jobs.slow if slow else jobs.quick
        self._loop = asyncio.get_running_loop()
        self._progress_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._aside: _Place | None = None
        self.mails = 0
        """How many it was good for. Whoever uses it counts them."""
        self.was_slow = False
        """Once in its time, nothing came about for `PATIENCE_S`."""

    @property
    def is_slow(self) -> bool:
        return self._gate is self._jobs.slow

    @property
    def is_wanted(self) -> bool:
        """Others wait for such a permit."""
        return self._gate.has_queue

    def progress(self) -> None:
        """The server has answered something that counts."""
        self._progress_at = self._loop.time()

    async def __aenter__(self) -> "Permit":
        await self._gate.enter()
        self.progress()
        self._timer = self._loop.call_later(PATIENCE_S, self._look)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._aside is not None:
            self._jobs.slow.leave(self._aside)
            self._aside = None
        self._gate.leave()

    def _look(self) -> None:
        left_s = self._progress_at + PATIENCE_S - self._loop.time()
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._look)
            return
        self._timer = None
        self.was_slow = True
        if not self.is_slow:
            self._aside = self._jobs.slow.ask()
            self._aside.add_done_callback(self._step_aside)

    def _step_aside(self, place: _Place) -> None:
        if place is self._aside:  # otherwise it has ended meanwhile
            self._aside = None
            self._gate.leave()
            self._gate = self._jobs.slow


class _Gate:
    """A semaphore: first come, first served."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside = 0
        self._waiting: deque[_Place] = deque()

    @property
    def has_queue(self) -> bool:
        return len(self._waiting) > 0

    def ask(self) -> _Place:
        """A place: done when it is there."""
        place: _Place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._let_in()
        return place

    async def enter(self) -> None:
        place = self.ask()
        try:
            await place
        except BaseException:
            self.leave(place)
            raise

    def leave(self, place: _Place | None = None) -> None:
        """Give a place back, also one that has not come."""
        if place is not None and (place.cancel() or place.cancelled()):
            return
        self._inside -= 1
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self._inside < self._most:
            place = self._waiting.popleft()
            if not place.done():
                self._inside += 1
                place.set_result(None)
