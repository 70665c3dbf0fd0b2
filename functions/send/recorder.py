"""Records the Outcomes of a Bag as they come: every 200, or every second, one new object.

A crash loses the Outcomes since the last write, so what they stand for is transmitted again: the
same bytes, the same Message-ID. Where a write costs nothing (SQLite) they go into the journal of
the lease within milliseconds, and a crash loses hardly any (docs/adr/0008). A store that is away
loses nothing, for however long: the Outcomes are kept, and written when it is back, unless another
has taken the lease by then.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from functions.send.journal import JournalTurns
from functions.send.lease import Lease
from functions.send.suppressing import suppress_gone
from functions.send.tally import SendCounts
from shared import keys
from shared.errors import AlreadyExists, Busy, EkidenError, NotFound, Temporary
from shared.model import BagHeader
from shared.outcome import Outcome, encode_lines
from shared.store.base import Store
from shared.watch import Watch

MOST_UNJOURNALED = 100
"""Then the Bag waits for its journal: a disk that is slow for once must not cost repeats."""
PAUSE_S = 0.5
"""Between two tries to write, while the store is away."""


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
        after_flush: Callable[[], Awaitable[None]] | None = None,
        journal: JournalTurns | None = None,
        counts: SendCounts | None = None,
    ) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self._store = store
        self._watch = watch
        self._lease = lease
        self._header = header
        self._part = next_part
        self.written = 0
        """Parts, by this holder."""
        self._is_away = False
        self._flush_every = flush_every
        self._interval_s = flush_interval_s
        self._after_flush = after_flush
        self._journal = journal
        self._counts = counts
        self._journaling: asyncio.Task[None] | None = None
        self._journaled = 0
        self._open: list[Outcome] = []
        self._writing: list[Outcome] = []
        self._refusal: EkidenError | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None

    def add(self, outcome: Outcome) -> None:
        self.outcomes[outcome.delivery] = outcome
        self._open.append(outcome)
        if len(self._open) >= self._flush_every:
            self._flush_now()
        else:
            self._flush_later()
            if self._journal is not None and self._journaling is None:
                self._journaling = asyncio.create_task(self._write_journal(self._journal))

    async def _write_journal(self, journal: JournalTurns) -> None:
        """Put what no part has yet beside the lease, until there is nothing new."""
        while not self._lease.lost:
            await journal.turn()
            unwritten = self._writing + self._open
            if len(unwritten) <= self._journaled:
                break
            self._journaled = len(unwritten)
            try:
                await self._lease.write_journal(encode_lines(unwritten))
            except EkidenError:  # a part is tried for as long as it takes, and tells what is wrong
                self._journaled = 0
                break
        self._journaling = None

    @property
    def has_unwritten(self) -> bool:
        """Some Outcomes are in no part."""
        return bool(self._writing or self._open)

    @property
    def keeps_up(self) -> bool:
        """Whether the store takes what is recorded, and a crash would not lose much of it."""
        unwritten = len(self._writing) + len(self._open)
        if self._is_away:
            return False
        if self._journal is None:
            return unwritten < 3 * self._flush_every
        return unwritten - self._journaled < MOST_UNJOURNALED

    async def catch_up(self) -> None:
        """Write all that is open, unless the lease is lost."""
        if self._flushing is not None:
            await self._flushing
        self._stop_timer()
        while (self._writing or self._open) and not self._lease.lost:
            await self._flush()

    def _flush_later(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._interval_s, self._flush_now)

    def _flush_now(self) -> None:
        self._stop_timer()
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush_on())

    async def _flush_on(self) -> None:
        """Write what is open, and go on while as much has come in meanwhile as makes a part."""
        await self._flush()
        if self._after_flush is not None:
            with suppress(Temporary):
                await self._after_flush()
        while len(self._open) >= self._flush_every and not self._lease.lost:
            await self._flush()
        if self._open:
            self._flush_later()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _flush(self) -> None:
        """Write one part; return when it is there, or when the lease is lost."""
        while (self._writing or self._open) and not self._lease.lost:
            try:
                await self._try_to_write()
                self._is_away = False
                return
            except Temporary:
                self._is_away = True
                await asyncio.sleep(PAUSE_S)
            except EkidenError as error:
                self._refusal = error
                self._lease.give_up()  # what cannot be recorded must not be transmitted

    async def _try_to_write(self) -> None:
        """Put the next part. Without the lease another one transmits and records.

        A part is never changed once it was tried: the try may have succeeded, and only its answer
        been lost.
        """
        if not self._lease.holds():
            await self._lease.renew()
        if self._lease.lost:
            return
        if not self._writing:
            self._writing, self._open = self._open, []
        header, body = self._header, encode_lines(self._writing)
        key = keys.outcome_part(header.batch, header.bag, header.attempt, self._part)
        await suppress_gone(self._store, header, self._writing)
        try:
            # Died before: these are transmitted again. Died after: they count as done.
            await self._store.create(key, body)
        except AlreadyExists:
            if not await self._is_ours(key, body):
                self._lease.give_up()
                return
        self._part += 1
        self.written += 1
        if self._counts is not None:
            self._counts.record(self._writing)
        self._journaled = max(0, self._journaled - len(self._writing))
        self._writing = []
        self._lease.shorten_journal(encode_lines(self._open) if self._journal else b"")
        self._watch.tell(header.batch)

    async def _is_ours(self, key: str, body: bytes) -> bool:
        """Whether an earlier try, whose answer was lost, has written this."""
        try:
            return (await self._store.get(key)).body == body
        except NotFound:
            return False

    async def finish(self) -> None:
        """Write what is open. Raises `Busy` if the lease was lost before all was written, and what
        the store refused it with."""
        await self.catch_up()
        await self._end_journal()
        self._after_flush = None  # or the Bag is kept until the collector looks for circles
        if self._refusal:
            raise self._refusal
        if self._writing or self._open:
            raise Busy(f"{self._lease.key} was lost before all Outcomes were written")

    async def abandon(self) -> None:
        """The Bag goes no further here: write what is known, if the store takes it at once."""
        self._stop_timer()
        await self._end_journal()
        self._after_flush = None
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.wait([self._flushing])
        with suppress(EkidenError):
            while (self._writing or self._open) and self._lease.holds():
                await self._try_to_write()

    async def _end_journal(self) -> None:
        if self._journaling is not None:
            self._journaling.cancel()
            await asyncio.wait([self._journaling])
