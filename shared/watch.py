"""Who waits for news of a Batch is woken by who makes them, within one process.

Where the two are in different processes nobody tells, and the wait ends by its time-out: readers
then look again, a little less often each time.
"""

import asyncio


class Watch:
    """News of Batches."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Event] = {}

    def tell(self, batch: str) -> None:
        """Something was recorded for this Batch."""
        event = self._waiting.pop(batch, None)
        if event is not None:
            event.set()

    async def wait(self, batch: str, at_most_s: float) -> None:
        """Return at the next news, or after `at_most_s`."""
        event = self._waiting.setdefault(batch, asyncio.Event())
        try:
            await asyncio.wait_for(event.wait(), at_most_s)
        except TimeoutError:
            return
