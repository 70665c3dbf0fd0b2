"""What one stage has done in this process: plain numbers, read when somebody asks for them."""

from bisect import bisect_left
from collections import Counter

from shared.traces import Result

BOUNDS_S = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 300.0, 1800.0)
"""From a mail on its own, which takes milliseconds, to a Bag that waits for slow servers."""


class StageCounts:
    """Runs of a stage, by what they came to."""

    def __init__(self) -> None:
        self.results: Counter[Result] = Counter()
        self.errors: Counter[str] = Counter()
        """Type of the error that ended a run → how often."""
        self.within = [0] * (len(BOUNDS_S) + 1)
        """Runs by their seconds: up to each of `BOUNDS_S`, and above."""
        self.total_s = 0.0

    def add(self, result: Result, duration_s: float, error: Exception | None = None) -> None:
        self.results[result] += 1
        self.within[bisect_left(BOUNDS_S, duration_s)] += 1
        self.total_s += duration_s
        if error is not None:
            self.errors[type(error).__name__] += 1
