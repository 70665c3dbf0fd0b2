"""One queue on its way to one destination, and what each connection does for it. No I/O."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from functions.send.smtp.outgoing import Outgoing
from functions.send.smtp.verdict import NoSession, Verdict

Report = Callable[[Outgoing, Sequence[Verdict]], None]

BARREN_CONNECTIONS = 3
"""After so many in a row that ended without an answer to any message, the destination counts as
unreachable: a long queue must not hammer it with one connection per message."""


class Run:
    """A queue that is shared by some lanes."""

    def __init__(self, waiting: deque[Outgoing], report: Report) -> None:
        self.waiting = waiting
        self.report = report
        self.lanes = 0
        self.barren = 0

    def give_up(self, verdict: Verdict) -> None:
        """Everything left gets the verdict of the connection that could not be had."""
        while self.waiting:
            outgoing = self.waiting.popleft()
            self.report(outgoing, [verdict] * len(outgoing.recipients))

    def note_ended(self, shift: "Shift") -> None:
        """A connection ended under us. Raises `NoSession` when that happens too often."""
        if shift.answered or shift.last is None:
            return  # it was of use; or it had only been idle for too long
        self.barren += 1
        if self.barren >= BARREN_CONNECTIONS:
            raise NoSession(replace(shift.last, ambiguous=False))


class Shift:
    """The `Work` of one connection: at most `left` messages of a run."""

    __slots__ = ("_left", "_run", "answered", "last")

    def __init__(self, run: Run, left: int) -> None:
        self._run = run
        self._left = left
        self.answered = False
        self.last: Verdict | None = None

    def take(self) -> Outgoing | None:
        if not self._left or not self._run.waiting:
            return None
        self._left -= 1
        return self._run.waiting.popleft()

    def report(self, outgoing: Outgoing, verdicts: Sequence[Verdict]) -> None:
        self.last = verdicts[-1]
        if any(verdict.code not in (None, 421) for verdict in verdicts):
            self.answered = True
            self._run.barren = 0
        self._run.report(outgoing, verdicts)

    def give_back(self, outgoing: Outgoing) -> None:
        self._run.waiting.appendleft(outgoing)
