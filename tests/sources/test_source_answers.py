"""What a stage's HTTP answer means, which of many counts, how long to wait."""

from datetime import UTC, datetime, timedelta

import pytest

from ekiden.sources.answer import (
    DONE,
    LONGEST_PAUSE_S,
    Answer,
    Verdict,
    of_reply,
    pause_s,
    worst,
)

NOW = datetime(2027, 1, 15, 8, 0, 0, tzinfo=UTC)
AGAIN, NEVER = Answer(Verdict.AGAIN), Answer(Verdict.NEVER)


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ((200, 202, 204), Verdict.DONE),
        ((400, 422), Verdict.NEVER),
        ((409, 429, 500, 502, 503, 504), Verdict.AGAIN),
        ((301, 401, 403, 404, 405, 408, 413), Verdict.AGAIN),
    ],
)
def test_a_status_says_what_to_do_with_the_message(
    statuses: tuple[int, ...], verdict: Verdict
) -> None:
    assert {of_reply(status, "", NOW).verdict for status in statuses} == {verdict}


@pytest.mark.parametrize(
    ("retry_after", "after_s"),
    [
        ("0", 0),
        (" 7 ", 7),
        ("99999999999999999999", LONGEST_PAUSE_S),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0),
        ("Fri, 15 Jan 2100 07:00:00 GMT", LONGEST_PAUSE_S),
    ],
)
def test_retry_after_is_honoured_within_bounds(retry_after: str, after_s: float) -> None:
    assert of_reply(503, retry_after, NOW).after_s == after_s


@pytest.mark.parametrize(
    "retry_after",
    ["", "soon", "-1", "1.5", "²", "\xff", "Fri, 99 Jan 2027 08:00:30 GMT", "Fri, 15 Jan 2027"],
)
def test_what_is_no_time_says_nothing(retry_after: str) -> None:
    assert of_reply(503, retry_after, NOW).after_s is None


def test_of_several_answers_the_one_that_comes_again_counts() -> None:
    later = Answer(Verdict.AGAIN, after_s=9.0)
    assert worst([]) == DONE
    assert worst([DONE, DONE]) == DONE
    assert worst([DONE, NEVER]) == NEVER
    assert worst([NEVER, AGAIN, DONE]) == AGAIN
    assert worst([AGAIN, later, DONE]) == later


def test_each_pause_is_longer_up_to_a_bound() -> None:
    assert [pause_s(tries) for tries in (0, 1, 2, 3, 4)] == [1, 1, 2, 4, 8]
    assert pause_s(10**9) == LONGEST_PAUSE_S
    assert pause_s(7, longest_s=60) == timedelta(minutes=1).total_seconds()
