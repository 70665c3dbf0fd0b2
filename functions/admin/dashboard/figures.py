"""Statistics as plots and tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from functions.admin.dashboard.plots import FULL_WIDTH, HALF_WIDTH, Bucket, Plot, stacked
from functions.admin.dashboard.visit import Visit
from shared import keys
from shared.stats import query, ranges
from shared.stats.query import Line, Question, Statistics


@dataclass(frozen=True, slots=True)
class Stretch:
    """How far back, in which steps, and how many of them make a bar: people read some thirty."""

    back: str
    grain: str
    steps: int = 1

    @property
    def bar_s(self) -> float:
        return _GRAINS_S[self.grain] * self.steps


_GRAINS_S = {ranges.HOUR: 3600.0, ranges.DAY: 86_400.0, ranges.MONTH: 30 * 86_400.0}
RANGES: Mapping[str, Stretch] = {
    "24 hours": Stretch("24h", ranges.HOUR),
    "7 days": Stretch("7d", ranges.HOUR, 6),
    "30 days": Stretch("30d", ranges.DAY),
    "12 months": Stretch("52w", ranges.MONTH),
}
"""As a person says it."""
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
    """`domain` empty: of all. `wanted`: one of `RANGES`. Raises `Malformed`, `Temporary`."""
    found = await _ask(visit, domain, wanted, query.NONE)
    line, stretch = found.lines[0], RANGES[wanted]
    return Figures(
        outcomes=_plot(line, _OUTCOMES, stretch, outcomes_width),
        trouble=_plot(line, _TROUBLE, stretch, HALF_WIDTH),
        read=_plot(line, _READ, stretch, HALF_WIDTH),
        total=line.total,
        complete_until=found.complete_until,
    )


async def largest(visit: Visit, domain: str, wanted: str, by: str) -> Statistics:
    """The largest recipient domains, or Domains, and how many were left out."""
    return await _ask(visit, domain, wanted, by)


async def _ask(visit: Visit, domain: str, wanted: str, by: str) -> Statistics:
    stretch = RANGES[wanted]
    grain = stretch.grain
    if by != query.NONE:
        grain = ranges.MONTH if grain == ranges.MONTH else ranges.DAY  # only totals are shown
    span = ranges.since(stretch.back, grain, visit.now)
    question = Question(span, by, limit=_LINES)
    return await query.answer(visit.parts.store, domain or keys.ALL_DOMAINS, question)


def _plot(line: Line, series: Sequence[Series], stretch: Stretch, width: float) -> Plot:
    groups = [line.points[n : n + stretch.steps] for n in range(0, len(line.points), stretch.steps)]
    buckets = [
        Bucket(
            datetime.fromisoformat(group[0].at).timestamp(),
            {each.name: sum(getattr(p.counts, each.kind) for p in group) for each in series},
        )
        for group in groups
    ]
    return stacked(buckets, [each.name for each in series], stretch.bar_s, width)
