"""A span of time, cut into hours, days or months of UTC. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from shared.errors import Malformed

HOUR, DAY, MONTH = GRAINS = ("hour", "day", "month")
MOST_POINTS = 1000
"""Of one line: 41 days by the hour."""
MOST_DAYS = 1900
"""Five years: a day is an object to read."""
_USUAL = {
    HOUR: timedelta(days=1),
    DAY: timedelta(days=30),
    MONTH: timedelta(days=365),
}
_AMOUNT = ("accepted", "delivered", "deferred", "bounced", "failed")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})")
_SINCE = re.compile(r"([1-9]\d{0,4})([hdw])")


class Range(msgspec.Struct, frozen=True):
    """From the beginning of one hour, day or month to that of another."""

    start: datetime
    end: datetime
    grain: str

    @property
    def points(self) -> list[datetime]:
        """When each hour, day or month begins."""
        found, at = [], self.start
        while at < self.end:
            found.append(at)
            at = _following(at, self.grain)
        return found

    @property
    def days(self) -> tuple[str, str]:
        """The first and the last day, as in keys."""
        last = self.end - timedelta(seconds=1)
        return f"{self.start:%Y-%m-%d}", f"{last:%Y-%m-%d}"

    def holds(self, hour: str) -> bool:
        """Whether an hour, written 2026-11-21T13, is in it."""
        return f"{self.start:%Y-%m-%dT%H}" <= hour < f"{self.end:%Y-%m-%dT%H}"

    def point_of(self, hour: str) -> str:
        """When the hour, day or month begins that this hour is in, as RFC 3339."""
        if self.grain == HOUR:
            return f"{hour}:00:00Z"
        return f"{hour[:10]}T00:00:00Z" if self.grain == DAY else f"{hour[:7]}-01T00:00:00Z"


def rfc3339(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def asked(start: str, end: str, grain: str, now: float) -> Range:
    """What these texts mean: RFC 3339 times or dates; empty ones what is usual. Raises `Malformed`.

    What begins within an hour, day or month gets all of it.
    """
    if grain not in GRAINS:
        raise Malformed(f"grain: {grain[:50]!r} is none of {', '.join(GRAINS)}")
    last = _moment("to", end) if end else datetime.fromtimestamp(now, UTC)
    try:
        first = _moment("from", start) if start else last - _USUAL[grain]
        return _checked(Range(_floor(first, grain), _ceiling(last, grain), grain))
    except OverflowError as error:
        raise Malformed("from, to: the years are 1970 to 9998") from error


def since(text: str, grain: str, now: float) -> Range:
    """`7d`, `36h` or `4w` until now. Raises `Malformed`."""
    match = _SINCE.fullmatch(text)
    if not match:
        raise Malformed(f"{text[:50]!r} is no span of time: write it like 36h, 7d or 4w")
    hours = int(match[1]) * {"h": 1, "d": 24, "w": 168}[match[2]]
    first = datetime.fromtimestamp(max(0.0, now - hours * 3600.0), UTC)
    return asked(rfc3339(first), "", grain, now)


def _checked(wanted: Range) -> Range:
    if wanted.start >= wanted.end:
        raise Malformed("from has to be before to")
    hours = (wanted.end - wanted.start) / timedelta(hours=1)
    if (wanted.grain == HOUR and hours > MOST_POINTS) or hours > MOST_DAYS * 24:
        limit = f"{MOST_POINTS} hours" if wanted.grain == HOUR else f"{MOST_DAYS} days"
        raise Malformed(f"from, to: at most {limit} by the {wanted.grain}")
    return wanted


def _moment(name: str, text: str) -> datetime:
    try:
        if _DATE.fullmatch(text, 0) and text.isascii():
            at = datetime.fromisoformat(text).replace(tzinfo=UTC)
        elif _MOMENT.fullmatch(text) and text.isascii():
            at = datetime.fromisoformat(text.upper().replace(" ", "T")).astimezone(UTC)
        else:
            raise ValueError
    except (ValueError, OverflowError):
        raise Malformed(
            f"{name}: {text[:50]!r} is no RFC 3339 time: write 2026-11-21T13:00:00Z or 2026-11-21"
        ) from None
    if not 1970 <= at.year <= 9998:
        raise Malformed(f"{name}: the years are 1970 to 9998")
    return at


def _floor(at: datetime, grain: str) -> datetime:
    hour = at.replace(minute=0, second=0, microsecond=0)
    if grain == HOUR:
        return hour
    day = hour.replace(hour=0)
    return day if grain == DAY else day.replace(day=1)


def _ceiling(at: datetime, grain: str) -> datetime:
    floor = _floor(at, grain)
    return floor if floor == at else _following(floor, grain)


def _following(at: datetime, grain: str) -> datetime:
    if grain == MONTH:
        return at.replace(year=at.year + at.month // 12, month=at.month % 12 + 1)
    return at + (timedelta(hours=1) if grain == HOUR else timedelta(days=1))


def largest_first(totals: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Names, by how much mail was in them; the same amount by name."""

    def size(name: str) -> int:
        return sum(totals[name].get(kind, 0) for kind in _AMOUNT)

    return sorted(totals, key=lambda name: (-size(name), name))
