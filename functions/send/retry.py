"""When a deferred Delivery is tried again, and when it is not any more. Pure.

    attempt       0       1       2        3        4         5 …
    delay after   5 min   5 min   8 min    16 min   32 min    64 min …

that is max(retry_min, retry_base · 2ⁿ), lengthened by up to a tenth: by how much depends on the
Bag's id, so that the Bags of a large Batch do not all come back at once, and a repeat computes the
same. Attempts end with the retry window, which begins when the Batch was due.
"""

from dataclasses import dataclass

from shared.ids import unit_interval

JITTER = 0.1


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Section `send` of the configuration."""

    min_s: float = 300.0
    base_s: float = 120.0
    window_s: float = 86400.0

    def delay_s(self, batch: str, bag: int, attempt: int) -> float:
        """How long after this attempt (the first is 0) the next one is due."""
        plain = max(self.min_s, self.base_s * float(2 ** min(attempt, 30)))
        return plain * (1 + JITTER * unit_interval(f"{batch}.{bag}.{attempt}"))

    def next_attempt(
        self, batch: str, bag: int, attempt: int, tried_at: float, due_at: float
    ) -> float | None:
        """When to try again, or None when the window will have closed by then."""
        due = tried_at + self.delay_s(batch, bag, attempt)
        return due if due <= due_at + self.window_s else None
