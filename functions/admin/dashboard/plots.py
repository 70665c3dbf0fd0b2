"""Figures over time as shapes: what a template draws as SVG. Pure.

Colours and fonts are the style sheet's, so that light and dark are its business alone.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from functions.admin.dashboard import written

FULL_WIDTH, HALF_WIDTH, HEIGHT = 960.0, 480.0, 200.0
"""About as many pixels as they get, so that the texts have their size."""
LEFT, RIGHT, TOP, BOTTOM = 48.0, 8.0, 10.0, 24.0
_TICKS = 4
_LABELS = 8
_GAP = 0.18
"""Between two bars, as a share of their step."""
_LEAST_HEIGHT = 1.5
"""What is not nothing is seen."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """What was counted from `at` on, for one grain of time."""

    at: float
    values: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle."""

    series: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Label:
    """A text on an axis, and where it stands."""

    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Stacked bars over time."""

    series: Sequence[str]
    buckets: Sequence[Bucket]
    bars: Sequence[Bar]
    ups: Sequence[Label]
    """On the axis of numbers."""
    alongs: Sequence[Label]
    """On the axis of time."""
    totals: Mapping[str, int]
    grain_s: float
    width: float

    @property
    def is_empty(self) -> bool:
        return not self.bars


def stacked(
    buckets: Sequence[Bucket], series: Sequence[str], grain_s: float, width: float = FULL_WIDTH
) -> Plot:
    """`series`: from the bottom up."""
    tops = [sum(each.values.get(name, 0) for name in series) for each in buckets]
    top = nice_top(max(tops, default=0))
    step = (width - LEFT - RIGHT) / max(1, len(buckets))
    bars = [bar for n, each in enumerate(buckets) for bar in _column(each, series, n, step, top)]
    return Plot(
        series=series,
        buckets=buckets,
        bars=bars,
        ups=[Label(_y(value, top), written.number(value)) for value in _steps(top)],
        alongs=_alongs(buckets, step, grain_s),
        totals={name: sum(each.values.get(name, 0) for each in buckets) for name in series},
        grain_s=grain_s,
        width=width,
    )


def _column(bucket: Bucket, series: Sequence[str], n: int, step: float, top: float) -> list[Bar]:
    bars: list[Bar] = []
    floor = _y(0, top)
    for name in series:
        value = bucket.values.get(name, 0)
        if not value:
            continue
        height = max(_LEAST_HEIGHT, (HEIGHT - TOP - BOTTOM) * value / top)
        floor -= height
        x = LEFT + step * (n + _GAP / 2)
        bars.append(
            Bar(name, round(x, 2), round(floor, 2), round(step * (1 - _GAP), 2), round(height, 2))
        )
    return bars


def _y(value: float, top: float) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top, 2)


def nice_top(most: float) -> float:
    """The end of the axis: 1, 2, 4 or 5 times a power of ten, at least four whole steps."""
    if most <= _TICKS:
        return float(_TICKS)
    power = 10 ** math.floor(math.log10(most))
    return float(next(n * power for n in (1, 2, 4, 5, 8, 10, 20) if n * power >= most))


def _steps(top: float) -> list[float]:
    return [top * n / _TICKS for n in range(_TICKS + 1)]


def _alongs(buckets: Sequence[Bucket], step: float, grain_s: float) -> list[Label]:
    every = max(1, math.ceil(len(buckets) / _LABELS))
    write = written.day if grain_s >= 86_400 or len(buckets) * grain_s > 3 * 86_400 else None
    return [
        Label(round(LEFT + step * (n + 0.5), 2), (write or written.clock_time)(buckets[n].at))
        for n in range(0, len(buckets), every)
    ]


@dataclass(frozen=True, slots=True)
class Share:
    """One stretch of a bar that is 100 wide."""

    name: str
    x: float
    width: float


def shares(parts: Mapping[str, int], whole: int) -> list[Share]:
    """Next to each other in their order; nothing that is there is narrower than can be seen."""
    present = [(name, count) for name, count in parts.items() if count]
    if not present or whole <= 0:
        return []
    least = 0.6
    raw = [max(least, 100 * count / whole) for _, count in present]
    scale = min(1.0, 100 / sum(raw))
    placed: list[Share] = []
    x = 0.0
    for (name, _), width in zip(present, raw, strict=True):
        placed.append(Share(name, round(x, 3), round(width * scale, 3)))
        x += width * scale
    return placed
