"""When the Bags of a process may write their journals: one at a time, so many a second in all."""

import asyncio

BETWEEN_S = 0.002


class JournalTurns:
    """One Bag's journal is written every two milliseconds; ten Bags wait for twenty each."""

    def __init__(self) -> None:
        self._next_at = 0.0
        self._first = asyncio.Lock()

    async def turn(self) -> None:
        """Return when it is the caller's turn."""
        loop = asyncio.get_running_loop()
        async with self._first:
            await asyncio.sleep(max(0.0, self._next_at - loop.time()))
            self._next_at = loop.time() + BETWEEN_S
