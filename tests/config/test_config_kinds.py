"""How values are written."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.config_kinds import GIB, LONGEST_S, SHORTEST_S, Duration, OneOf, Size, Whole, YesNo

durations_s = st.floats(SHORTEST_S, LONGEST_S)


@settings(deadline=None)
@given(durations_s)
def test_a_duration_that_is_shown_is_read_back_exactly(duration_s: float) -> None:
    assert Duration().parse(Duration().show(duration_s)) == duration_s


@settings(deadline=None)
@given(st.integers(1, 3000), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_a_duration_that_is_written_is_shown_as_the_same_time(count: int, unit: str) -> None:
    duration_s = Duration().parse(f"{count}{unit}")
    assert Duration().parse(Duration().show(duration_s)) == duration_s


@settings(deadline=None)
@given(st.integers(1, 1024 * GIB))
def test_a_size_that_is_shown_is_read_back_exactly(size_bytes: int) -> None:
    assert Size().parse(Size().show(size_bytes)) == size_bytes
    assert Size().parse(str(size_bytes)) == size_bytes


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("10s", 10.0),
        ("5m", 300.0),
        ("24h", 86400.0),
        ("7d", 604800.0),
        ("1.5h", 5400.0),
        ("90", 90.0),
        ("0.5", 0.5),
    ],
)
def test_a_duration_has_a_unit_or_is_in_seconds(text: str, seconds: float) -> None:
    duration_s = Duration().parse(text)
    assert duration_s == seconds
    assert isinstance(duration_s, float)


@pytest.mark.parametrize(
    "text", ["", "s", "-1s", "0", "5 m", "5M", "1w", "nan", "inf", "1e5", "3651d"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no duration|is out of range"):
        Duration().parse(text)


def test_a_duration_is_shown_in_its_largest_whole_unit() -> None:
    shown = [Duration().show(value_s) for value_s in (604800, 5400, 300, 90, 0.25, math.pi)]
    assert shown == ["7d", "90m", "5m", "90s", "250ms", "3.141592653589793s"]


@pytest.mark.parametrize(
    ("text", "size_bytes"), [("1048576", 2**20), ("512KiB", 2**19), ("10MiB", 10 * 2**20)]
)
def test_a_size_has_a_unit_or_is_in_bytes(text: str, size_bytes: int) -> None:
    assert Size().parse(text) == size_bytes


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5MiB", "10MB", "10 MiB", "10mib", "9999999GiB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no size|is out of range"):
        Size().parse(text)


def test_the_bounds_of_a_whole_number_are_included() -> None:
    kind = Whole(1, 5000)
    assert [kind.parse("1"), kind.parse("5000")] == [1, 5000]
    for text in ("0", "5001", "-1", "1.0", "1_0", "0x1", "", "9" * 99):
        with pytest.raises(ValueError, match="no whole number from 1 to 5000"):
            kind.parse(text)


def test_yes_and_no_have_several_words() -> None:
    assert all(YesNo().parse(text) for text in ("true", "True", "yes", "on", "1"))
    assert not any(YesNo().parse(text) for text in ("false", "FALSE", "no", "off", "0"))


def test_a_choice_names_what_there_is_to_choose_from() -> None:
    with pytest.raises(ValueError, match="'b' is none of off, on"):
        OneOf(("off", "on")).parse("b")
