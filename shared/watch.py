"""Who waits for news of a Batch is woken by who makes them, within one process.

Where the two are in different processes nobody tells, and the wait ends by its time-out: readers
then look again, a little less often each time.
"""

import asyncio
from contextlib import suppress
from weakref import WeakValueDictionary


class Ear:
    """Listens for news of one Batch, from the moment it was made."""

    def __init__(self) -> None:
        self.news = asyncio.Event()

    async def wait(self, at_most_s: float) -> None:
        """Return at the first news since this was made, or after `at_most_s`."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.news.wait(), at_most_s)


class Watch:
    """News of Batches. Only who listens takes memory."""

    def __init__(self) -> None:
        self._ears: WeakValueDictionary[str, Ear] = WeakValueDictionary()

    def tell(self, batch: str) -> None:
        """Something was recorded for this Batch."""
        ear = self._ears.pop(batch, None)
        if ear is not None:
            ear.news.set()

    def listen(self, batch: str) -> Ear:
        """Listen before you look: news between looking and waiting are not missed."""
        ear = self._ears.get(batch)
        if ear is None:
            ear = self._ears[batch] = Ear()
        return ear
