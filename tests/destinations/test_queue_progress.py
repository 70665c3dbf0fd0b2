"""How much of a queue may wait in memory, and when the rest may come."""

import math

import pytest

from functions.send.destinations.pace import UNLIMITED
from functions.send.destinations.progress import (
    GRACE_S,
    LONGEST_DELAY_S,
    Progress,
)


def begun(hold_after_s: float = 60.0) -> Progress:
    progress = Progress(hold_after_s)
    progress.begin(0.0)
    return progress


def run(progress: Progress, start: int, seconds: int, a_second: int) -> float:
    """So many mails are settled in each second; the time afterwards."""
    for second in range(start, start + seconds):
        progress.settled(a_second)
        progress.look(second + 1.0)
    return float(start + seconds)


def test_a_queue_that_has_just_begun_may_be_long() -> None:
    assert begun().room(GRACE_S / 2, UNLIMITED) == math.inf


def test_a_queue_that_nobody_works_on_is_not_slow() -> None:
    assert Progress(60).room(1000.0, UNLIMITED) == math.inf
    progress = begun()
    progress.rest()
    assert progress.room(1000.0, UNLIMITED) == math.inf


def test_a_limit_counts_from_the_beginning() -> None:
    assert begun(hold_after_s=30).room(0.0, per_minute=60) == 30


def test_after_the_grace_it_is_the_rate_that_counts() -> None:
    progress = begun()
    now = run(progress, 0, 100, a_second=2)
    assert progress.room(now, UNLIMITED) == pytest.approx(120, abs=2)
    assert progress.said(now) == "120 mails a minute"


def test_what_stands_still_has_no_room() -> None:
    progress = begun()
    now = run(progress, 0, 20, a_second=0)
    assert progress.room(now, UNLIMITED) == 0


def test_a_queue_that_was_empty_gets_its_grace_again() -> None:
    progress = begun()
    now = run(progress, 0, 100, a_second=0)
    progress.begin(now)
    assert progress.room(now + 1, UNLIMITED) == math.inf


def test_a_moment_of_silence_is_no_standstill() -> None:
    progress = begun()
    now = run(progress, 0, 100, a_second=10)
    now = run(progress, int(now), 5, a_second=0)
    assert progress.room(now, UNLIMITED) > 300


def test_each_booking_is_a_little_later_than_the_one_before() -> None:
    progress = begun(hold_after_s=60)
    delays = [progress.book(0.0, per_minute=60) for _ in range(5)]
    assert delays == [61, 62, 63, 64, 65]


def test_a_booking_counts_from_now() -> None:
    progress = begun(hold_after_s=60)
    first = progress.book(0.0, per_minute=60)
    assert progress.book(10.0, per_minute=60) == max(first + 1 - 10, 61)


def test_a_destination_that_stands_still_gets_one_a_minute() -> None:
    progress = begun(hold_after_s=60)
    now = run(progress, 0, 20, a_second=0)
    assert [progress.book(now, UNLIMITED) for _ in range(3)] == [120, 180, 240]


def test_nobody_is_told_to_come_later_than_in_an_hour() -> None:
    progress = begun(hold_after_s=60)
    now = run(progress, 0, 20, a_second=0)
    assert max(progress.book(now, UNLIMITED) for _ in range(500)) == LONGEST_DELAY_S


def test_a_long_patience_is_longer_than_an_hour() -> None:
    progress = begun(hold_after_s=7200)
    assert min(progress.book(0.0, per_minute=60) for _ in range(5)) == 7200


def test_two_looks_at_one_moment_change_nothing() -> None:
    progress = begun()
    progress.settled(10)
    progress.look(1.0)
    progress.look(1.0)
    assert progress.said(1.0) == progress.said(1.0) != "0 mails a minute"
