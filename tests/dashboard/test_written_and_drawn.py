"""How numbers, times and shapes come out."""

from hypothesis import given
from hypothesis import strategies as st

from functions.admin.dashboard import plots, written
from functions.admin.dashboard.plots import BOTTOM, HALF_WIDTH, HEIGHT, LEFT, TOP, Bucket

COUNTS = st.integers(0, 10**9)
DAY_S = 86_400.0


def test_times_are_short_and_in_utc() -> None:
    assert written.moment(1_800_000_000) == "2027-01-15 08:00:00"
    assert written.machine_time(1_800_000_000) == "2027-01-15T08:00:00+00:00"
    assert written.ago(100, 160) == "1 min ago"
    assert written.ago(160, 100) == "in 1 min"
    assert written.ago(0, 100) == written.moment(0) == "–"
    assert [written.duration(s) for s in (-1, 0, 59, 61, 3700, 90_000, 9 * DAY_S)] == [
        *("0 s", "0 s", "59 s", "1 min", "1 h 1 min", "1 d 1 h", "9 d")
    ]


def test_no_share_is_rounded_to_nothing_or_to_all() -> None:
    shares = [written.percent(part, 10_000) for part in (0, 1, 50, 9_999, 10_000)]
    assert shares == ["0 %", "< 0.1 %", "0.5 %", "> 99.9 %", "100 %"]
    assert written.percent(0, 0) == "–"


def test_sizes_have_a_unit() -> None:
    assert [written.size(n) for n in (0, 999, 1000, 123_456, 10**9, 10**16)] == [
        *("0 B", "999 B", "1.0 kB", "123 kB", "1.0 GB", "10000 TB")
    ]


@given(st.floats(allow_nan=False))
def test_any_time_can_be_written(at: float) -> None:
    for write in (written.moment, written.machine_time, written.clock_time, written.day):
        assert isinstance(write(at), str)


@given(st.lists(st.tuples(COUNTS, COUNTS, COUNTS), max_size=200))
def test_bars_stay_inside_and_stand_on_each_other(rows: list[tuple[int, int, int]]) -> None:
    names = ("a", "b", "c")
    buckets = [Bucket(n * 3600.0, dict(zip(names, row, strict=True))) for n, row in enumerate(rows)]
    plot = plots.stacked(buckets, names, 3600.0, HALF_WIDTH)
    assert len(plot.bars) == sum(value > 0 for row in rows for value in row)
    for bar in plot.bars:
        assert bar.x >= LEFT
        assert bar.x + bar.width <= HALF_WIDTH
        assert bar.y >= TOP - 3 * 1.5 - 0.1
        assert bar.y + bar.height <= HEIGHT - BOTTOM + 0.1
    assert plot.is_empty == (not any(map(sum, rows)))


@given(COUNTS)
def test_the_axis_ends_above_all_and_not_far_above(most: int) -> None:
    top = plots.nice_top(most)
    assert most <= top <= max(4, 2.5 * most)


@given(st.dictionaries(st.sampled_from("abcdefg"), COUNTS))
def test_shares_fill_a_bar_and_no_more(parts: dict[str, int]) -> None:
    shares = plots.shares(parts, sum(parts.values()))
    assert [each.name for each in shares] == [name for name, count in parts.items() if count]
    if shares:
        end = shares[-1].x + shares[-1].width
        assert 99.9 < end < 100.1
        assert min(each.width for each in shares) > 0.5
