"""The work of one connection: mails out of a queue, and what is learnt from the answers."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from functions.send.destinations.jobs import Permit
from functions.send.destinations.mail import Mail, too_many
from functions.send.smtp.outgoing import Outgoing
from functions.send.smtp.verdict import Verdict
from shared.bounce_classes import classify

if TYPE_CHECKING:
    from functions.send.destinations.queue import Queue

LARGE_BYTES = 256 * 1024
"""A mail with attachments. It is in memory for each connection that carries it."""


class Shift:
    """The `Work` of one connection: at most `left` mails, and fewer where others wait."""

    __slots__ = (
        "_left",
        "_loop",
        "_permit",
        "_queue",
        "_takes_large",
        "_under_way",
        "answered",
        "is_behind",
        "last",
        "paced",
    )

    def __init__(
        self, queue: "Queue", permit: Permit, left: int, *, takes_large: bool = False
    ) -> None:
        self._takes_large = takes_large
        self._queue = queue
        self._permit = permit
        self._left = left
        self._loop = asyncio.get_running_loop()
        self._under_way: set[Mail] = set()
        self.answered = False
        self.last: Verdict | None = None
        self.is_behind = False
        """It ended because the next mail's Bag has to record first."""
        self.paced = False
        """It ended because no more mails may go just now."""

    def take(self) -> Outgoing | None:
        waiting = self._queue.waiting
        while waiting and not waiting[0].consignment.may_go_on():
            waiting.popleft().consignment.give_back()
        if not waiting or not self._left or self._queue.is_others_turn(self._permit):
            return None
        if not self._takes_large and waiting[0].size_bytes > LARGE_BYTES:
            return None  # its bytes are counted: it goes in a shift of its own
        now = self._loop.time()
        if waiting[0].consignment.is_behind():
            self.is_behind = True
            return None
        if not self._queue.site.pace.take(now):
            self.paced = True
            return None
        mail = waiting.popleft()
        mail.begun_at = now
        mail.consignment.begun(mail)
        self._left -= 1
        self._permit.mails += 1
        self._under_way.add(mail)
        self._queue.in_flight += 1
        return mail

    def give_back(self, outgoing: Outgoing) -> None:
        mail = self._ended(outgoing)
        mail.consignment.not_begun(mail)
        self._queue.put_first(mail)

    def report(self, outgoing: Outgoing, verdicts: Sequence[Verdict]) -> None:
        mail = self._ended(outgoing)
        self._permit.progress()
        self.last = verdicts[-1]
        for verdict, one_too_many in zip(verdicts, too_many(verdicts), strict=True):
            if not one_too_many:
                self._learn(verdict)
        self._queue.progress.settled(1)
        again = mail.consignment.report(mail, verdicts)
        if again is not None:
            self._queue.put_first(again)

    def fail(self, fault: Exception) -> bool:
        """Our own code failed over a mail: whether there is one that was taken, and nothing said
        about it. Its consignment then ends with the fault."""
        lost = list(self._under_way)
        for mail in lost:
            self._ended(mail).consignment.fail(fault)
        return bool(lost)

    def _ended(self, outgoing: Outgoing) -> Mail:
        assert isinstance(outgoing, Mail)
        self._under_way.remove(outgoing)
        self._queue.in_flight -= 1
        return outgoing

    def _learn(self, verdict: Verdict) -> None:
        if verdict.ours:
            return
        pace = self._queue.site.pace
        if verdict.code is not None and verdict.code != 421:
            self.answered = True
        if verdict.kind != "temporary":
            before = pace.connections
            pace.went_well(self._loop.time())
            if pace.connections > before:
                self._queue.wake()
                self._queue.site.more()
        elif _is_complaint(verdict):
            self._queue.last_complaint = f"{verdict.code or ''} {verdict.text}".strip()
            pace.slow_down(self._loop.time())


def _is_complaint(verdict: Verdict) -> bool:
    """Whether this says that we send too much, rather than something about the mail."""
    if verdict.code is None or verdict.code == 421:
        return True
    said = classify(verdict.code, verdict.enhanced, verdict.text, verdict.stage)
    return said.name == "rate_limited"
