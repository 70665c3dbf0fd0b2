"""send: transmits one Bag of Envelopes, and records what the servers answered.

    dispatched/<batch>/<bag>.<attempt>.jsonl
        → batches/<batch>/outcomes/<bag>.<attempt>.<part>.jsonl
          waiting/<due>/send/<batch>/<bag>.<attempt + 1>.jsonl   what is deferred

The only stage with a side effect on the world, so the only one that takes a lease. What is in the
bucket decides: a Delivery that has an Outcome for this attempt is never transmitted again.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from functions.send import bagfile
from functions.send.decide import local_outcome, next_bag, outcome_of
from functions.send.lease import Lease
from functions.send.recorder import Recorder
from functions.send.retry import RetryPolicy
from functions.send.smtp.verdict import Verdict
from functions.send.transmit import Transmitter
from shared import keys
from shared.batches import is_cancelled, outcome_parts, read_outcomes
from shared.errors import Busy, EkidenError
from shared.ids import delivery_id
from shared.model import BagHeader, Envelope
from shared.outcome import Outcome, State
from shared.stage import Clock, Stage, Wake, write_once
from shared.store.base import Store
from shared.watch import Watch


@dataclass(frozen=True, slots=True)
class SendSettings:
    """Section `send` of the configuration, as far as a Bag is concerned."""

    owner: str
    """Who we are, for the lease: unique to this process."""
    lease_s: float = 60.0
    flush_outcomes: int = 200
    flush_interval_s: float = 1.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)


def stage(
    store: Store, clock: Clock, watch: Watch, transmitter: Transmitter, settings: SendSettings
) -> Stage:
    async def work(key: str, body: bytes) -> Sequence[Wake]:
        header, envelopes = bagfile.decode(body)
        place = keys.lease(header.batch, header.bag, header.attempt)
        lease = Lease(store, clock, place, settings.owner, settings.lease_s)
        await lease.take()
        try:
            bag = _OpenBag(store, clock, watch, lease, settings, header, envelopes)
            await bag.send(transmitter)
            await bag.defer()
        except BaseException:
            if await lease.stop():
                with suppress(EkidenError):
                    await store.delete(place)
            raise
        # Everything that this Bag leads to is stored. Died before: it is read again, and nothing
        # is left to transmit. Died after: nothing is left at all. The lease comes first, so that
        # one without a Bag is rare (the sweep finds those).
        await store.delete(*([place] if await lease.stop() else []), key)
        return ()

    return Stage("send", work)


class _OpenBag:
    """A Bag under our lease."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        watch: Watch,
        lease: Lease,
        settings: SendSettings,
        header: BagHeader,
        envelopes: list[Envelope],
    ) -> None:
        self._store = store
        self._clock = clock
        self._watch = watch
        self._lease = lease
        self._settings = settings
        self._header = header
        self._envelopes = envelopes
        self._outcomes: dict[str, Outcome] = {}
        self._taken_back = False

    async def send(self, transmitter: Transmitter) -> None:
        """Transmit what has no Outcome yet. Returns when every Delivery of the Bag has one."""
        header = self._header
        attempt = keys.outcomes_of_attempt(header.batch, header.bag, header.attempt)
        parts = await outcome_parts(self._store, attempt)
        self._outcomes = {each.delivery: each for each in await read_outcomes(self._store, parts)}
        open_ = [each for each in self._envelopes if self._id(each) not in self._outcomes]
        if not open_:
            return
        recorder = self._recorder(keys.parse_outcome_part(parts[-1])[2] + 1 if parts else 0)
        try:
            await self._work_off(transmitter, open_, recorder)
            await recorder.finish()
        except BaseException:
            await recorder.abandon()
            raise
        self._outcomes |= recorder.outcomes
        if any(self._id(envelope) not in self._outcomes for envelope in open_):
            raise Busy(f"{self._lease.key} ended on the way: the rest is sent by who has it next")

    def _id(self, envelope: Envelope) -> str:
        return delivery_id(self._header.batch, self._header.bag, envelope.n)

    async def _work_off(
        self, transmitter: Transmitter, envelopes: list[Envelope], recorder: Recorder
    ) -> None:
        """Give every Delivery an Outcome, for as long as we may go on."""
        await self._look_for_cancel()
        left: list[Envelope] = []
        for envelope in envelopes:
            if envelope.rejected:
                reason, detail = envelope.rejected, envelope.detail
                recorder.add(self._local(envelope, State.REJECTED, reason, detail))
            else:
                left.append(envelope)
        while left and not self._taken_back and self._lease.holds():
            await self._transmit(transmitter, left, recorder)
            await recorder.catch_up()
            left = [each for each in left if self._id(each) not in recorder.outcomes]
        if self._taken_back:
            for envelope in left:
                recorder.add(self._local(envelope, State.CANCELLED, "cancelled"))

    async def _look_for_cancel(self) -> None:
        """Before the first mail, and whenever Outcomes were written."""
        self._taken_back = self._taken_back or await is_cancelled(self._store, self._header.batch)

    async def _transmit(
        self, transmitter: Transmitter, envelopes: list[Envelope], recorder: Recorder
    ) -> None:
        def report(envelope: Envelope, verdict: Verdict) -> None:
            now, retry = self._clock(), self._settings.retry
            recorder.add(outcome_of(self._header, envelope, verdict, now, retry))

        def refuse(envelope: Envelope, reason: str, text: str) -> None:
            recorder.add(self._local(envelope, State.REJECTED, reason, text))

        def may_go_on() -> bool:
            # A store that is away must not let unrecorded mail pile up: a crash would repeat it.
            return self._lease.holds() and recorder.keeps_up and not self._taken_back

        await transmitter.transmit(
            self._header, envelopes, report=report, refuse=refuse, may_go_on=may_go_on
        )

    async def defer(self) -> None:
        """Put what is deferred, as one new Bag, to where it waits."""
        following = next_bag(self._header, self._envelopes, self._outcomes, self._settings.retry)
        if following is None:
            return
        due, header, envelopes = following
        work = keys.dispatched(header.batch, header.bag, header.attempt)
        # Died before: the Outcomes say what was deferred, and the same Bag is made again.
        await write_once(
            self._store, keys.waiting(due, work), bagfile.encode_bag(header, envelopes)
        )

    def _recorder(self, next_part: int) -> Recorder:
        return Recorder(
            self._store,
            self._watch,
            self._lease,
            self._header,
            next_part,
            self._settings.flush_outcomes,
            self._settings.flush_interval_s,
            self._look_for_cancel,
        )

    def _local(self, envelope: Envelope, state: State, reason: str, text: str = "") -> Outcome:
        return local_outcome(self._header, envelope, state, self._clock(), reason, text)
