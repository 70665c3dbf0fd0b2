"""Records the Outcomes of a Bag as they come: every 200, or every second, one new object.

A crash loses the Outcomes since the last object, so what they stand for is transmitted again: the
same bytes, the same Message-ID.
"""

import asyncio
from contextlib import suppress

from functions.send.lease import Lease
from shared import keys
from shared.errors import AlreadyExists
from shared.model import BagHeader
from shared.outcome import Outcome, encode_lines
from shared.store.base import Store
from shared.watch import Watch


class Recorder:
    """Takes Outcomes at any speed; `finish` returns when all of them are durable."""

    def __init__(
        self,
        store: Store,
        watch: Watch,
        lease: Lease,
        header: BagHeader,
        next_part: int,
        flush_every: int = 200,
        flush_interval_s: float = 1.0,
    ) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self._store = store
        self._watch = watch
        self._lease = lease
        self._header = header
        self._part = next_part
        self._flush_every = flush_every
        self._interval_s = flush_interval_s
        self._open: list[Outcome] = []
        self._full = asyncio.Event()
        self._finished = False
        self._task = asyncio.create_task(self._flush_on())

    def add(self, outcome: Outcome) -> None:
        self.outcomes[outcome.delivery] = outcome
        self._open.append(outcome)
        if len(self._open) >= self._flush_every:
            self._full.set()

    async def _flush_on(self) -> None:
        while not self._finished:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), self._interval_s)
            self._full.clear()
            await self._flush()

    async def _flush(self) -> None:
        if not self._open or not self._lease.holds():
            return  # without the lease another one transmits and records
        outcomes, self._open = self._open, []
        header = self._header
        key = keys.outcome_part(header.batch, header.bag, header.attempt, self._part)
        self._part += 1
        try:
            # Died before: these are transmitted again. Died after: they count as done.
            await self._store.create(key, encode_lines(outcomes))
        except AlreadyExists:
            self._lease.give_up()
            return
        self._watch.tell(header.batch)

    async def finish(self) -> None:
        """Write what is open. Raises what the store raised."""
        self._finished = True
        self._full.set()
        await self._task
        await self._flush()

    def abort(self) -> None:
        """Stop without writing: the process has lost the lease, or the Bag failed."""
        self._task.cancel()
