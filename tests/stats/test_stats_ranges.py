"""From when to when, in hours, days or months of UTC."""

from datetime import UTC, datetime

import pytest

from shared.errors import Malformed
from shared.stats.ranges import MOST_POINTS, asked, rfc3339, since

NOW = datetime(2026, 11, 21, 13, 30, tzinfo=UTC).timestamp()
NEXT_DAY, NOON = "2026-11-22T00", "2026-11-21T12"


@pytest.mark.parametrize(
    ("start", "end", "grain", "expected"),
    [
        ("2026-11-20", "2026-11-21", "day", ("2026-11-20T00", "2026-11-21T00", 1)),
        ("2026-11-20T23:59:59Z", "2026-11-21T00:00:01Z", "day", ("2026-11-20T00", NEXT_DAY, 2)),
        ("2026-11-21T10:10:00Z", "2026-11-21T12:00:00Z", "hour", ("2026-11-21T10", NOON, 2)),
        ("2026-11-21T01:30:00+02:00", "2026-11-21", "hour", ("2026-11-20T23", "2026-11-21T00", 1)),
        ("2025-12-31", "2026-02-01", "month", ("2025-12-01T00", "2026-02-01T00", 2)),
        ("2025-12-31", "2026-02-02", "month", ("2025-12-01T00", "2026-03-01T00", 3)),
        ("2024-02-29", "2024-03-01", "day", ("2024-02-29T00", "2024-03-01T00", 1)),
        ("", "", "hour", ("2026-11-20T13", "2026-11-21T14", 25)),
        ("", "", "day", ("2026-10-22T00", "2026-11-22T00", 31)),
        ("", "2026-11-21t13:00:00.5z", "hour", ("2026-11-20T13", "2026-11-21T14", 25)),
    ],
)  # fmt: skip
def test_what_begins_gets_all_of_it(
    start: str, end: str, grain: str, expected: tuple[str, str, int]
) -> None:
    span = asked(start, end, grain, NOW)
    found = (f"{span.start:%Y-%m-%dT%H}", f"{span.end:%Y-%m-%dT%H}", len(span.points))
    assert found == expected


@pytest.mark.parametrize(
    ("start", "end", "grain", "named"),
    [
        ("yesterday", "", "day", "from"),
        ("2026-11-21T13:00:00", "", "day", "from"),
        ("2026-11-21T25:00:00Z", "", "day", "from"),
        ("2026-02-30", "", "day", "from"),
        ("٢٠٢٦-١١-٢١", "", "day", "from"),
        ("2026-11-21T13:00:00Z\n", "", "day", "from"),
        ("0001-01-01T00:00:00+14:00", "", "day", "from"),
        ("", "9999-12-31", "month", "to"),
        ("", "x" * 10_000, "day", "to"),
        ("2026-11-21", "2026-11-20", "day", "before"),
        ("2026-11-21", "2026-11-21", "day", "before"),
        ("2026-01-01", "2026-11-21", "hour", f"{MOST_POINTS} hours"),
        ("1999-01-01", "2026-11-21", "month", "days"),
        ("", "", "week", "grain"),
        ("", "", "", "grain"),
    ],
)
def test_what_cannot_be_meant_is_refused(start: str, end: str, grain: str, named: str) -> None:
    with pytest.raises(Malformed, match=named):
        asked(start, end, grain, NOW)


@pytest.mark.parametrize(("text", "hours"), [("1h", 2), ("36h", 37), ("7d", 169), ("4w", 673)])
def test_a_span_until_now(text: str, hours: int) -> None:
    assert len(since(text, "hour", NOW).points) == hours


@pytest.mark.parametrize("text", ["", "d", "0d", "-1d", "1m", "1 d", "99999999d", "1d1h", "٣d"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        since(text, "day", NOW)


def test_every_hour_belongs_to_one_point() -> None:
    for grain in ("hour", "day", "month"):
        span = asked("2026-01-31", "2026-02-03", grain, NOW)
        points = {rfc3339(at) for at in span.points}
        hours = [rfc3339(at)[:13] for at in asked("2026-01-31", "2026-02-03", "hour", NOW).points]
        assert all(span.holds(hour) and span.point_of(hour) in points for hour in hours)
