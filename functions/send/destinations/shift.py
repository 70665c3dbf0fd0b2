"""The work of one connection: mails out of a queue, and what is learnt from the answers."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from functions.send.destinations.jobs import Permit
from functions.send.destinations.mail import Mail
from functions.send.smtp.outgoing import Outgoing
from functions.send.smtp.verdict import Verdict
from shared.bounce_classes import classify

if TYPE_CHECKING:
    from functions.send.destinations.queue import Queue


class Shift:
    """The `Work` of one connection: at most `left` mails."""

    __slots__ = ("_left", "_loop", "_permit", "_queue", "answered", "last", "paced")

    def __init__(self, queue: "Queue", permit: Permit, left: int) -> None:
        self._queue = queue
        self._permit = permit
        self._left = left
        self._loop = asyncio.get_running_loop()
        self.answered = False
        self.last: Verdict | None = None
        self.paced = False
        """It ended because no more mails may go just now."""

    def take(self) -> Outgoing | None:
        waiting = self._queue.waiting
        while waiting and not waiting[0].consignment.may_go_on():
            waiting.popleft().consignment.give_back()
        if not waiting or not self._left:
            return None
        now = self._loop.time()
        if not self._queue.site.pace.take(now):
            self.paced = True
            return None
        mail = waiting.popleft()
        mail.begun_at = now
        self._left -= 1
        self._queue.in_flight += 1
        return mail

    def give_back(self, outgoing: Outgoing) -> None:
        assert isinstance(outgoing, Mail)
        self._queue.in_flight -= 1
        self._queue.waiting.appendleft(outgoing)

    def report(self, outgoing: Outgoing, verdicts: Sequence[Verdict]) -> None:
        assert isinstance(outgoing, Mail)
        self._queue.in_flight -= 1
        self._permit.progress()
        self.last = verdicts[-1]
        for verdict in verdicts:
            self._learn(verdict)
        self._queue.progress.settled(1)
        again = outgoing.consignment.report(outgoing, verdicts)
        if again is not None:
            self._queue.waiting.appendleft(again)

    def _learn(self, verdict: Verdict) -> None:
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
