"""A Bag under our lease: gives every Delivery of this attempt an Outcome."""

import logging
from typing import TYPE_CHECKING

from functions.send.bagfile import AttemptHeader
from functions.send.decide import Try, due_now, held_outcome, local_outcome, outcome_of
from functions.send.following import Elsewhere
from functions.send.lease import Lease
from functions.send.recorded import Recorded, read_recorded
from functions.send.recorder import Recorder
from functions.send.smtp.verdict import Verdict
from functions.send.transmit import Transmitter
from shared.batches import is_cancelled
from shared.errors import Busy
from shared.ids import delivery_id
from shared.model import Envelope
from shared.outcome import OPEN, Outcome, State, decode_lines
from shared.stage import Clock
from shared.store.base import Store
from shared.watch import Watch

if TYPE_CHECKING:
    from functions.send.settings import SendSettings

log = logging.getLogger("ekiden.send")


NO_MESSAGE = "no_message"
"""The reason of an Outcome: there was nothing to transmit. An empty mail is never sent."""


class OpenBag:
    """`send` returns when all that is due has an Outcome. It is the `Ledger` of its transmitter."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        watch: Watch,
        lease: Lease,
        settings: "SendSettings",
        header: AttemptHeader,
        envelopes: list[Envelope],
        key: str,
    ) -> None:
        self.header = header
        self.envelopes = envelopes
        self.outcomes: dict[str, Outcome] = {}
        self.elsewhere = Elsewhere()
        self.parts = 0
        """How many parts of Outcomes this attempt and those before it have."""
        self._store = store
        self._clock = clock
        self._watch = watch
        self._lease = lease
        self._settings = settings
        self._key = key
        self._size_bytes = 0
        self._recorder: Recorder  # from `send` on
        self._unwritten = False
        self._transmitter: Transmitter
        self._taken_back = False

    async def send(self, transmitter: Transmitter) -> None:
        """Transmit what has no Outcome yet. Raises `Busy` if others have to go on with it."""
        recorded = await read_recorded(self._store, self.header)
        self.outcomes, self.elsewhere = recorded.outcomes, recorded.elsewhere
        self.parts = recorded.parts
        open_ = [each for each in self.envelopes if self._is_open(each)]
        due = [each for each in open_ if due_now(self.header, each)]
        self._transmitter = transmitter
        self._recorder = self._new_recorder(recorded, len(open_))
        if not open_ and not self._lease.inherited:
            return
        try:
            self._inherit()
            await self._work_off(open_)
            await self._recorder.finish()
        except BaseException:
            await self._recorder.abandon()
            self._unwritten = self._recorder.has_unwritten
            raise
        self.outcomes |= self._recorder.outcomes
        self.parts += self._recorder.written
        if any(self.id_of(envelope) not in self.outcomes for envelope in due):
            raise Busy(f"{self._lease.key} ended on the way: the rest is sent by who has it next")

    def _is_open(self, envelope: Envelope) -> bool:
        """Whether this attempt still has to give it an Outcome."""
        delivery = self.id_of(envelope)
        return delivery not in self.outcomes and not self.elsewhere.has(delivery)

    def id_of(self, envelope: Envelope) -> str:
        return delivery_id(self.header.batch, self.header.bag, envelope.n)

    @property
    def has_unwritten(self) -> bool:
        """The journal beside the lease has Outcomes that are nowhere else."""
        return self._unwritten or bool(self._lease.inherited)

    def _inherit(self) -> None:
        """Take over what a holder who died had noted, and not put into the Batch."""
        for outcome in decode_lines(self._lease.inherited):
            if outcome.delivery not in self.outcomes:
                self._recorder.add(outcome)
        self._lease.inherited = b""

    async def _work_off(self, open_: list[Envelope]) -> None:
        await self._look_for_cancel()
        for envelope in open_:
            if envelope.rejected:
                self._record(envelope, State.REJECTED, envelope.rejected, envelope.detail)
            elif not any(piece != "" for piece in envelope.message):
                log.error("%s has no message: it is not sent", self.id_of(envelope))
                self._record(envelope, State.REJECTED, NO_MESSAGE, "its message is missing")
        left = self._left([each for each in open_ if due_now(self.header, each)])
        while left and self._goes_on():
            self._weigh(left)
            await self._transmitter.transmit(self.header, left, self)
            await self._recorder.catch_up()
            left = self._left(left)
        if self._taken_back:
            for envelope in self._left(open_):
                self._record(envelope, State.CANCELLED, "cancelled")

    def _left(self, envelopes: list[Envelope]) -> list[Envelope]:
        return [each for each in envelopes if self.id_of(each) not in self._recorder.outcomes]

    def _goes_on(self) -> bool:
        return not self._taken_back and self._lease.holds() and not self._transmitter.stopping

    async def _look_for_cancel(self) -> None:
        """Before the first mail, and whenever Outcomes were written."""
        self._taken_back = self._taken_back or await is_cancelled(self._store, self.header.batch)

    # The ledger.

    def report(self, envelope: Envelope, verdict: Verdict, queued_s: float = 0.0) -> None:
        when = Try(self._clock(), queued_s, repeated=self._lease.stolen)
        outcome = outcome_of(self.header, envelope, verdict, when, self._settings.retry)
        self._recorder.add(outcome)
        if outcome.outcome not in OPEN:
            self._lighten(envelope)

    def refuse(self, envelope: Envelope, reason: str, text: str) -> None:
        self._record(envelope, State.REJECTED, reason, text)

    def hold(self, envelope: Envelope, delay_s: float, why: str) -> None:
        now, retry = self._clock(), self._settings.retry
        self._recorder.add(held_outcome(self.header, envelope, delay_s, why, now, retry))

    def may_go_on(self) -> bool:
        return self._goes_on()

    def is_behind(self) -> bool:
        # A store that is away must not let unrecorded mail pile up: a crash would repeat it.
        return not self._recorder.keeps_up

    def _record(self, envelope: Envelope, state: State, reason: str, text: str = "") -> None:
        at = self._clock()
        self._recorder.add(local_outcome(self.header, envelope, state, at, reason, text))

    # What it takes in memory.

    def _weigh(self, left: list[Envelope]) -> None:
        if self._settings.room is not None:
            self._size_bytes = sum(map(_size, left)) + sum(map(len, self.header.shared))
            self._settings.room.resize(self._key, self._size_bytes)

    def _lighten(self, envelope: Envelope) -> None:
        """What has come to its end needs its message no more; a report may need its headers."""
        if self._settings.room is None or self.header.reports_to:
            return
        self._size_bytes -= _size(envelope)
        envelope.message.clear()
        self._settings.room.resize(self._key, self._size_bytes)

    def _new_recorder(self, recorded: Recorded, open_count: int) -> Recorder:
        return Recorder(
            self._store,
            self._watch,
            self._lease,
            self.header,
            recorded.next_part,
            self._settings.flush_outcomes,
            self._settings.flush_interval_s,
            self._look_for_cancel,
            self._settings.journal if open_count > 1 else None,
            self._settings.counts,
        )


def _size(envelope: Envelope) -> int:
    return sum(len(piece) for piece in envelope.message if isinstance(piece, str))
