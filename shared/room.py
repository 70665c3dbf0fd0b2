"""How much work may be in memory at the same time, in bytes, and who has to wait for it.

Work that has become smaller (most of its mails are gone, the rest waits for slow servers) says so,
and makes room for others. First come, first served.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Room:
    """`size_bytes` to share. Work that is larger than all of it comes in when nobody else is."""

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._taken: dict[str, int] = {}
        self._inside: Counter[str] = Counter()
        self._total_bytes = 0
        self._waiting: deque[tuple[asyncio.Future[None], str, int]] = deque()

    @asynccontextmanager
    async def of(self, key: str, size_bytes: int) -> AsyncIterator[None]:
        """Room for one work object while the context lasts."""
        await self._enter(key, size_bytes)
        try:
            yield
        finally:
            self._leave(key, size_bytes)

    def resize(self, key: str, size_bytes: int) -> None:
        """What it takes from now on. More than there is may be taken: it is in memory already."""
        if key in self._taken:
            self._total_bytes += size_bytes - self._taken[key]
            self._taken[key] = size_bytes
            self._let_in()

    async def _enter(self, key: str, size_bytes: int) -> None:
        if not self._waiting and self._fits(size_bytes):
            self._take(key, size_bytes)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        place = (turn, key, size_bytes)
        self._waiting.append(place)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._leave(key, size_bytes)
            elif place in self._waiting:
                self._waiting.remove(place)
                self._let_in()
            raise

    def _fits(self, size_bytes: int) -> bool:
        return not self._total_bytes or self._total_bytes + size_bytes <= self._size_bytes

    def _take(self, key: str, size_bytes: int) -> None:
        """An event may come twice: then the same work is here twice, for a moment."""
        self._inside[key] += 1
        self._taken[key] = self._taken.get(key, 0) + size_bytes
        self._total_bytes += size_bytes

    def _leave(self, key: str, size_bytes: int) -> None:
        self._inside[key] -= 1
        freed = min(size_bytes, self._taken[key]) if self._inside[key] else self._taken[key]
        self._taken[key] -= freed
        self._total_bytes -= freed
        if not self._inside[key]:
            del self._inside[key], self._taken[key]
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting:
            turn, key, size_bytes = self._waiting[0]
            if not turn.done():
                if not self._fits(size_bytes):
                    return
                self._take(key, size_bytes)
                turn.set_result(None)
            self._waiting.popleft()
