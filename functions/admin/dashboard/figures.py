"""Statistics as plots and tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from functions.admin.dashboard.plots import FULL_WIDTH, HALF_WIDTH, Bucket, Plot, stacked
from functions.admin.dashboard.visit import Visit
from shared import keys
from shared.stats import query, ranges
from shared.stats.query import Line, Question, Statistics

RANGES: Mapping[str, tuple[str, str]] = {
    "24 hours": ("24h", ranges.HOUR),
    "7 days": ("7d", ranges.HOUR),
    "30 days": ("30d", ranges.DAY),
    "12 months": ("52w", ranges.MONTH),
}
"""How a person says it → (how far back, in which steps)."""
_GRAINS_S = {ranges.HOUR: 3600.0, ranges.DAY: 86_400.0, ranges.MONTH: 30 * 86_400.0}
_LINES = 15


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of a plot: its name, and the number that it shows."""

    name: str
    kind: str


_OUTCOMES = tuple(Series(name, name) for name in ("delivered", "deferred", "bounced", "failed"))
_TROUBLE = tuple(Series(name, name) for name in ("bounced", "complained", "unsubscribed"))
_READ = (Series("opened", "opened_first"), Series("clicked", "clicked_first"))


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of mail over some time."""

    outcomes: Plot
    trouble: Plot
    read: Plot
    """How many Deliveries were opened or clicked for the first time, by people."""
    total: query.Numbers
    complete_until: str


async def figures(
    visit: Visit, domain: str, wanted: str, outcomes_width: float = FULL_WIDTH
) -> Figures:
    """`domain` empty: of all. `wanted`: one of `RANGES`. Raises `Temporary`."""
    found = await _ask(visit, domain, wanted, query.NONE)
    line = found.lines[0]
    grain_s = _GRAINS_S[found.grain]
    return Figures(
        outcomes=_plot(line, _OUTCOMES, grain_s, outcomes_width),
        trouble=_plot(line, _TROUBLE, grain_s, HALF_WIDTH),
        read=_plot(line, _READ, grain_s, HALF_WIDTH),
        total=line.total,
        complete_until=found.complete_until,
    )


async def largest(visit: Visit, domain: str, wanted: str, by: str) -> Statistics:
    """The largest recipient domains, or Domains, and how many were left out."""
    return await _ask(visit, domain, wanted, by)


async def _ask(visit: Visit, domain: str, wanted: str, by: str) -> Statistics:
    back, grain = RANGES[wanted]
    if by != query.NONE:
        grain = ranges.MONTH if grain == ranges.MONTH else ranges.DAY  # only totals are shown
    span = ranges.since(back, grain, visit.now)
    question = Question(span, by, limit=_LINES)
    return await query.answer(visit.parts.store, domain or keys.ALL_DOMAINS, question)


def _plot(line: Line, series: Sequence[Series], grain_s: float, width: float) -> Plot:
    buckets = [
        Bucket(
            datetime.fromisoformat(point.at).timestamp(),
            {each.name: getattr(point.counts, each.kind) for each in series},
        )
        for point in line.points
    ]
    return stacked(buckets, [each.name for each in series], grain_s, width)
