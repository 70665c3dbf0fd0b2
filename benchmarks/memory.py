"""Memory and time per Delivery must not grow with the Batch."""

from collections.abc import Callable
from functools import partial

from benchmarks.batch import BatchRun, batch_run
from benchmarks.process_memory import Memory
from benchmarks.row import LIMIT, Announce, Row, Sample, Target, interleave, notes

SMALL, MIDDLE, LARGE = 1_000, 10_000, 100_000
LIMIT_MB = 250.0
BUDGET_S = 240
"""Where 100,000 take long there are fewer than three rounds, and the row says so."""


def rows(announce: Announce) -> list[Row]:
    sides: dict[str, Callable[[int], BatchRun]] = {
        f"{size:,} Recipients": partial(batch_run, size) for size in (SMALL, MIDDLE, LARGE)
    }
    small, middle, large = interleave(sides, announce, budget_s=BUDGET_S).values()
    return [*_memory(_peaks(large), _peaks(middle)), _time(large, small)]


def _peaks(runs: Sample[BatchRun]) -> Sample[Memory]:
    """The memory of these runs, where the system tells it."""
    peaks = [run.peak for run in runs.runs if run.peak]
    unknown = "this system has no /proc/PID/smaps_rollup" if len(peaks) < len(runs.runs) else ""
    return Sample(peaks, runs.missing or unknown)


def _memory(large: Sample[Memory], middle: Sample[Memory]) -> list[Row]:
    rss_mb = large.median(lambda peak: peak.rss_mb)
    rss = f"PSS of all processes; their RSS {rss_mb:.0f} MB" if rss_mb else ""
    return [
        Row(
            name="peak memory of serve, 100,000 Recipients",
            figure=large.median(_pss_mb),
            unit="MB",
            peer=LIMIT,
            peer_figure=LIMIT_MB,
            target=Target("≤", 1),
            note="; ".join(filter(None, [rss, notes(large)])),
        ),
        Row(
            name="peak memory of serve, 100,000 Recipients against 10,000",
            figure=large.median(_pss_mb),
            unit="MB",
            peer="10,000 Recipients",
            peer_figure=middle.median(_pss_mb),
            target=Target("≤", 1.2),
            note=notes(large, middle),
        ),
    ]


def _pss_mb(peak: Memory) -> float:
    return peak.pss_mb


def _time(large: Sample[BatchRun], small: Sample[BatchRun]) -> Row:
    return Row(
        name="time per Delivery, 100,000 Recipients against 1,000",
        figure=large.median(lambda run: run.ms_per_delivery),
        unit="ms",
        peer="1,000 Recipients",
        peer_figure=small.median(lambda run: run.ms_per_delivery),
        target=Target("≤", 1.2),
        note=notes(large, small),
    )
