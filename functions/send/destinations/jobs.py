"""How many connections may be open in all, without the slow ones keeping out the others."""

import asyncio
from collections import deque
from types import TracebackType

PATIENCE_S = 3.0
"""A connection on which nothing has come about for so long is a slow one."""


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
    """Held while the context lasts."""

    def __init__(self, jobs: Jobs, slow: bool) -> None:
        self._jobs = jobs
        self._gate = jobs.slow if slow else jobs.quick
        self._loop = asyncio.get_running_loop()
        self._progress_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_slow(self) -> bool:
        return self._gate is self._jobs.slow

    def progress(self) -> None:
        """The server has answered something that counts."""
        self._progress_at = self._loop.time()

    async def __aenter__(self) -> "Permit":
        await self._gate.enter()
        self.progress()
        if not self.is_slow:
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
        self._gate.leave()

    def _look(self) -> None:
        left_s = self._progress_at + PATIENCE_S - self._loop.time()
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._look)
            return
        self._timer = None
        self._jobs.slow.enter_in_any_case()  # it is open already
        self._jobs.quick.leave()
        self._gate = self._jobs.slow


class _Gate:
    """A semaphore that can also be entered beyond its number."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        if self._inside < self._most:
            self._inside += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn  # whoever leaves hands the place on
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.leave()
            raise

    def enter_in_any_case(self) -> None:
        self._inside += 1

    def leave(self) -> None:
        self._inside -= 1
        while self._waiting and self._inside < self._most:
            turn = self._waiting.popleft()
            if not turn.done():
                self._inside += 1
                turn.set_result(None)
