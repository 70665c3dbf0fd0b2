"""Takes the place of the SMTP client when nothing shall leave this machine.

What would come back over the network is put where it would arrive: reports as mail under
`inbound/`, opens and clicks as events.
"""

from collections.abc import Callable

from functions.send.demo import reports
from functions.send.demo.answers import answer_to, magic_of, verdict_of
from functions.send.transmit import Ledger
from shared.feedback import CLICKED, OPENED
from shared.model import BagHeader, Envelope
from shared.notifying import Announcer
from shared.stage import Wake, wake, write_once
from shared.store.base import Store


class DemoTransmitter:
    """The same Envelope always gets the same answer, and leaves the same objects."""

    def __init__(
        self,
        store: Store,
        woken: Callable[[Wake], None] | None = None,
        feedback: str = "",
        announcer: Announcer | None = None,
    ) -> None:
        """`woken` is told of the mail that came back; without it the sweep finds it. `feedback`
        is where complaints go; without it, to `abuse@` the return path's host.
        """
        self._store = store
        self._woken = woken
        self._feedback = feedback
        self._announcer = announcer
        self._stopping = False

    @property
    def stopping(self) -> bool:
        return self._stopping

    async def transmit(self, header: BagHeader, envelopes: list[Envelope], ledger: Ledger) -> None:
        for envelope in envelopes:
            if self._stopping or not ledger.may_go_on():
                return
            verdict = verdict_of(answer_to(envelope))
            if verdict.kind == "accepted":
                # Died before the Outcome is stored: done again, under the same keys. The other
                # way round, a crash would lose what has to come back.
                await self._come_back(header, envelope)
            ledger.report(envelope, verdict)

    async def refresh(self) -> None:
        """Nothing is paused here."""

    def stop(self) -> None:
        self._stopping = True

    async def close(self) -> None:
        """There are no connections."""

    async def _come_back(self, header: BagHeader, envelope: Envelope) -> None:
        """Store what follows a delivery. To the null return path nothing comes back."""
        after = magic_of(envelope.recipient).after
        if after in (OPENED, CLICKED):
            await self._happen(header, envelope, after)
        elif after == "late_bounce" and envelope.return_path:
            await self._arrive(*reports.late_bounce(header, envelope))
        elif after == "complaint" and envelope.return_path:
            await self._arrive(*reports.complaint(header, envelope, self._feedback))

    async def _happen(self, header: BagHeader, envelope: Envelope, kind: str) -> None:
        key, body = reports.event(header, envelope, kind)
        await write_once(self._store, key, body)
        if self._announcer:
            for each in await self._announcer.announce(header.domain, key, {kind}, header.at):
                if self._woken:
                    self._woken(each)

    async def _arrive(self, key: str, body: bytes) -> None:
        await write_once(self._store, key, body)
        if self._woken:
            self._woken(wake(key, body))
