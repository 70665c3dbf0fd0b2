"""What waits in the queue of a destination: mails, and the consignments that they belong to.

A consignment is what one Bag gives to one destination. It ends when each of its mails was
reported, held back, or given back because its Bag may not go on.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from functions.send.smtp.verdict import Peer, Verdict, unanswered
from shared.address import domain_of
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

    def __init__(
        self,
        report: Report,
        hold: Hold,
        may_go_on: Callable[[], bool],
        is_behind: Callable[[], bool] = lambda: False,
    ) -> None:
        """`is_behind`: what was reported is not recorded yet, and the next mail has to wait."""
        self.is_behind = is_behind
        self._may_go_on = may_go_on
        self._report = report
        self._hold = hold
        self._left = 0
        self._fault: Exception | None = None
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._on_the_wire: set[Mail] = set()
        self._recalled = False
        self._closed = False

    def may_go_on(self) -> bool:
        return not self._recalled and self._fault is None and self._may_go_on()

    async def finished(self, take_back: Callable[[], None]) -> None:
        """Return when nothing of it is left in the queue or on a connection.

        Raises what its `report` raised. Cancelled, it has its queue `take_back` what may not go
        on, and gives what is on a connection a moment to be told about. Later words are not heard:
        what became of the rest is unknown, and reported so.
        """
        try:
            if self._left:
                await asyncio.shield(self._done)
        except asyncio.CancelledError:
            self._recalled = True
            take_back()
            await asyncio.wait([self._done], timeout=LAST_WORDS_S)
            for mail in list(self._on_the_wire):
                unknown = unanswered(Peer(""), "body", "this host stopped", ambiguous=True)
                self.report(mail, [unknown] * len(mail.envelopes))
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

    def begun(self, mail: "Mail") -> None:
        """It is on a connection now."""
        self._on_the_wire.add(mail)

    def not_begun(self, mail: "Mail") -> None:
        """The connection ended before it was up."""
        self._on_the_wire.discard(mail)

    def report(self, mail: "Mail", verdicts: Sequence[Verdict]) -> "Mail | None":
        """Report each Envelope; the result is what shall go at once, in a transaction of its own:
        those that were one too many in this one."""
        if self._closed:
            return None
        self._on_the_wire.discard(mail)
        waited_s = mail.begun_at - mail.queued_at
        again: list[Envelope] = []
        for envelope, verdict, one_too_many in zip(
            mail.envelopes, verdicts, too_many(verdicts), strict=True
        ):
            if one_too_many:
                again.append(envelope)
            else:
                if envelope is not mail.envelopes[0]:
                    verdict = replace(verdict, return_path=mail.return_path)
                self._tell(self._report, envelope, verdict, waited_s)
        if again:
            return mail.only(again)
        self._end()
        return None

    def hold(self, mail: "Mail", delay_s: float, why: str) -> None:
        if self._closed:
            return
        for envelope in mail.envelopes:
            self._tell(self._hold, envelope, delay_s, why)
        self._end()

    def fail(self, fault: Exception) -> None:
        """One mail cannot be transmitted, through a fault of our own."""
        self._fault = self._fault or fault
        self._end()

    def _tell(self, tell: Callable[..., None], *what: object) -> None:
        try:
            tell(*what)
        except Exception as fault:  # noqa: BLE001  not the connection's: it comes out of finished()
            self._fault = self._fault or fault

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
    def size_bytes(self) -> int:
        """As it is; a stretch that is missing shows when it is sent."""
        shared = self._shared
        return sum(
            len(each) if isinstance(each, str) else len(shared[each]) if each < len(shared) else 0
            for each in self.envelopes[0].message
        )

    @property
    def message(self) -> bytes:
        return message_bytes(self.envelopes[0], self._shared)

    def only(self, envelopes: Sequence[Envelope]) -> "Mail":
        return Mail(self.consignment, envelopes, self._shared, self.queued_at)

    def report_all(self, verdict: Verdict) -> None:
        """The same for everybody: no session came about."""
        each = replace(verdict, ambiguous=False)
        self.consignment.report(self, [each] * len(self.envelopes))


def too_many(verdicts: Sequence[Verdict]) -> list[bool]:
    """Which recipients of a transaction were one too many in it: that says nothing about them."""
    if len(verdicts) == 1:
        return [False]
    some = any(verdict.kind == "accepted" for verdict in verdicts)
    return [
        some and verdict.stage == "rcpt" and verdict.code == TOO_MANY_RECIPIENTS
        for verdict in verdicts
    ]


def _groups(envelopes: Sequence[Envelope]) -> Iterator[Sequence[Envelope]]:
    """Neighbours in one domain with the same bytes: those of shared stretches alone."""
    group: list[Envelope] = []
    for envelope in envelopes:
        if group and not (len(group) < MOST_RECIPIENTS and _may_share(group[0], envelope)):
            yield group
            group = []
        group.append(envelope)
    if group:
        yield group


def _may_share(one: Envelope, other: Envelope) -> bool:
    """A transaction. A domain that is paused must not take another one's mail along."""
    same = one.message == other.message and all(isinstance(piece, int) for piece in other.message)
    return same and domain_of(one.recipient) == domain_of(other.recipient)
