"""How many Outcomes this process has recorded, by kind, and what servers had answered."""

from collections import Counter
from collections.abc import Iterable

from functions.send.decide import HELD
from shared.counts import StageCounts
from shared.outcome import Outcome, State

REPLIES = ("2xx", "4xx", "5xx", "none")
"""Classes of SMTP replies (RFC 5321 §4.2.1), and where a server was tried and said nothing."""

_DELIVERED = State.DELIVERED


class SendCounts(StageCounts):
    """What `send` counts besides its runs."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: Counter[State] = Counter()
        self.replies: Counter[str] = Counter()

    def record(self, outcomes: Iterable[Outcome]) -> None:
        """These were written, and will not be written again."""
        taken = 0
        for each in outcomes:
            if each.outcome is _DELIVERED and each.code is not None:
                taken += 1  # nearly all are: no need to classify each
                continue
            self.outcomes[each.outcome] += 1
            if reply := reply_class(each):
                self.replies[reply] += 1
        self.outcomes[_DELIVERED] += taken
        self.replies["2xx"] += taken


def reply_class(outcome: Outcome) -> str:
    """Empty for an Outcome that no server was asked for."""
    if outcome.outcome in (State.REJECTED, State.CANCELLED) or outcome.reason == HELD:
        return ""
    return "none" if outcome.code is None else f"{outcome.code // 100}xx"
