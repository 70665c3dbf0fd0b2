"""When a deferred Delivery is tried again, and when it is not any more. Pure.

    attempt       0       1       2        3        4         5 …
    delay after   5 min   5 min   8 min    16 min   32 min    64 min …

that is max(retry_min, retry_base · 2ⁿ), lengthened by up to a tenth: by how much depends on the
Bag's id, so that the Bags of a large Batch do not all come back at once, and a repeat computes the
same. n counts what was tried: an attempt that held a mail back, because its destination was busy
or paused, is none. Attempts end with the retry window, which begins when the Batch was due.
"""

import math
from dataclasses import dataclass

from shared.ids import unit_interval
from shared.keys import MOST_ATTEMPTS
from shared.model import BagHeader

JITTER = 0.1


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Section `send` of the configuration."""

    min_s: float = 300.0
    base_s: float = 120.0
    window_s: float = 86400.0
    report_delay_after_s: float = math.inf
    """When who sent by SMTP is told that a mail is still under way."""
    ambiguous_is_delivered: bool = False
    """What a mail counts as whose final dot was never answered (`send.ambiguous`)."""

    def delay_s(self, header: BagHeader, tries: int) -> float:
        """How long after a try (the first is 0) the next one is due."""
        plain = max(self.min_s, self.base_s * float(2 ** min(tries, 30)))
        return plain * (1 + JITTER * unit_interval(f"{header.batch}.{header.bag}.{tries}"))

    def next_try(self, header: BagHeader, tries: int, tried_at: float) -> float | None:
        """When to try again, or None when the window will have closed by then."""
        return self.within_window(header, tried_at + self.delay_s(header, tries))

    def within_window(self, header: BagHeader, when: float) -> float | None:
        """The same moment, or None if there will be no attempt by then."""
        last = header.attempt + 1 >= MOST_ATTEMPTS
        return None if last or when > header.due_at + self.window_s else when
