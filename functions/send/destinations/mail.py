"""What waits in the queue of a destination: mails, and the consignments that they belong to.

A consignment is what one Bag gives to one destination. It ends when each of its mails was
reported, held back, or given back because its Bag may not go on.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from functions.send.smtp.verdict import Verdict
from shared.model import Envelope, message_bytes

MOST_RECIPIENTS = 100
"""In one transaction. Every server takes as many (RFC 5321 §4.5.3.1.8)."""

LAST_WORDS_S = 1.0
TOO_MANY_RECIPIENTS = 452
"""In answer to RCPT, when others were taken: the rest go in another transaction (§4.5.3.1.10)."""

Report = Callable[[Envelope, Verdict, float], None]
"""An Envelope, what became of it, and how long it had waited in the queue, in seconds."""
Hold = Callable[[Envelope, float, str], None]
"""An Envelope that cannot go now, in how many seconds it may, and why."""


class Consignment:
    """Mails of one Bag for one destination."""

    def __init__(self, report: Report, hold: Hold, may_go_on: Callable[[], bool]) -> None:
        self._may_go_on = may_go_on
        self._report = report
        self._hold = hold
        self._left = 0
        self._fault: Exception | None = None
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._recalled = False
        self._closed = False

    def may_go_on(self) -> bool:
        return not self._recalled and self._may_go_on()

    async def finished(self) -> None:
        """Return when nothing of it is left in the queue or on a connection.

        Raises what its `report` raised. Cancelled, it takes back what waits, and gives what is on
        a connection a moment to be told about: later words are not heard.
        """
        try:
            if self._left:
                await asyncio.shield(self._done)
        except asyncio.CancelledError:
            self._recalled = True
            await asyncio.wait([self._done], timeout=LAST_WORDS_S)
            raise
        finally:
            self._closed = True
        if self._fault is not None:
            raise self._fault

    def mails(self, envelopes: Sequence[Envelope], shared: list[str], now: float) -> "list[Mail]":
        """Its mails, ready to queue."""
        made = [Mail(self, group, shared, now) for group in _groups(envelopes)]
        self._left += len(made)
        return made

    def report(self, mail: "Mail", verdicts: Sequence[Verdict]) -> "Mail | None":
        """Report each Envelope; the result is what shall go at once, in a transaction of its own:
        those that were one too many in this one."""
        if self._closed:
            return None
        waited_s = mail.begun_at - mail.queued_at
        again: list[Envelope] = []
        some = any(verdict.kind == "accepted" for verdict in verdicts)
        try:
            for envelope, verdict in zip(mail.envelopes, verdicts, strict=True):
                if some and verdict.stage == "rcpt" and verdict.code == TOO_MANY_RECIPIENTS:
                    again.append(envelope)
                else:
                    self._report(envelope, verdict, waited_s)
        except Exception as fault:  # noqa: BLE001  not the connection's: it comes out of finished()
            self._fault = self._fault or fault
        if again:
            return mail.only(again)
        self._end()
        return None

    def hold(self, mail: "Mail", delay_s: float, why: str) -> None:
        if self._closed:
            return
        for envelope in mail.envelopes:
            self._hold(envelope, delay_s, why)
        self._end()

    def give_back(self) -> None:
        """One mail will not be transmitted now: its Bag may not go on."""
        self._end()

    def _end(self) -> None:
        self._left -= 1
        if not self._left and not self._done.done():
            self._done.set_result(None)


class Mail:
    """One transaction to be: the `Outgoing` of the SMTP client."""

    __slots__ = ("_shared", "begun_at", "consignment", "envelopes", "queued_at")

    def __init__(
        self,
        consignment: Consignment,
        envelopes: Sequence[Envelope],
        shared: list[str],
        queued_at: float,
    ) -> None:
        self.consignment = consignment
        self.envelopes = envelopes
        self.queued_at = queued_at
        self.begun_at = queued_at
        self._shared = shared

    @property
    def return_path(self) -> str:
        """Of several, the first one's: a report names the recipient that it is about."""
        return self.envelopes[0].return_path

    @property
    def recipients(self) -> list[str]:
        return [each.recipient for each in self.envelopes]

    @property
    def envelope_id(self) -> str:
        """The Delivery's id, as the return path has it (RFC 3461 §4.4)."""
        local = self.return_path.partition("@")[0]
        return local[2:-17] if local.startswith("b-") else ""

    @property
    def message(self) -> bytes:
        return message_bytes(self.envelopes[0], self._shared)

    def only(self, envelopes: Sequence[Envelope]) -> "Mail":
        return Mail(self.consignment, envelopes, self._shared, self.queued_at)

    def report_all(self, verdict: Verdict) -> None:
        """The same for everybody: no session came about."""
        each = replace(verdict, ambiguous=False)
        self.consignment.report(self, [each] * len(self.envelopes))


def _groups(envelopes: Sequence[Envelope]) -> Iterator[Sequence[Envelope]]:
    """Neighbours with the same bytes: those that consist of shared stretches alone."""
    group: list[Envelope] = []
    for envelope in envelopes:
        same = group and group[0].message == envelope.message
        shareable = all(isinstance(piece, int) for piece in envelope.message)
        if group and not (same and shareable and len(group) < MOST_RECIPIENTS):
            yield group
            group = []
        group.append(envelope)
    if group:
        yield group
