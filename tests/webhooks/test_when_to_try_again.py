"""What an answer means, and when the next try is."""

from hypothesis import given
from hypothesis import strategies as st

from functions.notify.decide import (
    FIRST_HOLD_S,
    LONGEST_DELAY_S,
    LONGEST_HOLD_S,
    MOST_HOLDS,
    Verdict,
    Waits,
    following,
    in_turn,
    retry_after_s,
    verdict,
)
from shared.notifying import Call

WAITS = Waits((5.0, 300.0))
STATUSES = st.integers(0, 999)
NAMES = st.text(min_size=1, max_size=20)


def call(attempt: int = 0, holds: int = 0) -> Call:
    return Call(domain="d", webhook="w", source="s", at=0, attempt=attempt, holds=holds)


@given(STATUSES)
def test_only_2xx_is_taken_and_only_410_is_gone(status: int) -> None:
    assert (verdict(status) is Verdict.TAKEN) == (200 <= status < 300)
    assert (verdict(status) is Verdict.GONE) == (status == 410)


@given(NAMES)
def test_the_jitter_depends_on_the_name_alone(name: str) -> None:
    first = following(call(), name, Verdict.AGAIN, False, WAITS)
    assert first == following(call(), name, Verdict.AGAIN, False, WAITS)
    assert first is not None
    assert 5 <= first.delay_s <= 6
    assert first.attempt == 1


def test_after_the_last_wait_there_is_no_try() -> None:
    assert following(call(2), "n", Verdict.DOWN, False, WAITS) is None


def test_progress_begins_the_waits_anew() -> None:
    coming = following(call(2), "n", Verdict.DOWN, True, WAITS)
    assert coming is not None
    assert (coming.attempt, coming.delay_s < 7) == (1, True)


def test_where_only_the_time_was_over_it_goes_on_at_once() -> None:
    coming = following(call(1, 3), "n", Verdict.TAKEN, True, WAITS)
    assert coming is not None
    assert (coming.delay_s, coming.attempt, coming.holds) == (0.0, 1, 0)


@given(st.integers(0, MOST_HOLDS - 1), NAMES)
def test_what_was_not_tried_waits_longer_each_time_and_does_not_count(
    holds: int, name: str
) -> None:
    coming = following(call(1, holds), name, Verdict.HELD, False, WAITS)
    assert coming is not None
    assert (coming.attempt, coming.holds) == (1, holds + 1)
    assert FIRST_HOLD_S / 2 <= coming.delay_s <= LONGEST_HOLD_S


def test_what_is_never_tried_comes_to_an_end_too() -> None:
    attempt, holds, turns = 0, 0, 0
    while coming := following(call(attempt, holds), "n", Verdict.HELD, False, WAITS):
        attempt, holds = coming.attempt, coming.holds
        turns += 1
    assert turns == 3 * MOST_HOLDS + 2


@given(st.one_of(st.text(), st.integers().map(str)), st.floats(0, 4e9))
def test_retry_after_is_bounded_whatever_it_says(text: str, now: float) -> None:
    assert 0 <= retry_after_s(text, now) <= LONGEST_DELAY_S


@given(st.integers(0, 600), st.integers(0, 999))
def test_every_post_has_its_turn(count: int, attempt: int) -> None:
    assert sorted(in_turn(count, attempt)) == list(range(count))


@given(st.integers(2, 500))
def test_another_one_comes_first_each_time(count: int) -> None:
    assert in_turn(count, 0)[0] != in_turn(count, 1)[0]
