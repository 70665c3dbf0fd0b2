"""When a deferred Delivery is tried again."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from send_parts import DUE_AT, header

from functions.send import retry
from functions.send.retry import JITTER, RetryPolicy
from shared import keys

ATTEMPTS = st.integers(0, 200)
BAGS = st.integers(0, 9999)


def documented() -> list[float]:
    """The minutes in the table of the module's docstring."""
    (row,) = re.findall(r"delay after(.*)", str(retry.__doc__))
    return [float(minutes) for minutes in re.findall(r"(\d+) min", row)]


def test_the_documented_table_holds() -> None:
    assert documented() == [5, 5, 8, 16, 32, 64]
    for attempt, minutes in enumerate(documented()):
        delay_s = RetryPolicy().delay_s(header(bag=0), attempt)
        assert minutes * 60 <= delay_s < minutes * 60 * (1 + JITTER)


@given(BAGS, ATTEMPTS)
def test_a_delay_is_the_plain_one_and_up_to_a_tenth(bag: int, attempt: int) -> None:
    policy = RetryPolicy(min_s=60.0, base_s=10.0)
    plain = max(60.0, 10.0 * 2 ** min(attempt, 30))
    assert plain <= policy.delay_s(header(bag=bag), attempt) <= plain * 1.1


@given(BAGS, ATTEMPTS)
def test_the_same_bag_and_attempt_always_wait_alike(bag: int, attempt: int) -> None:
    delays = {RetryPolicy().delay_s(header(bag=bag), attempt) for _ in range(3)}
    assert len(delays) == 1


def test_the_bags_of_a_batch_do_not_all_come_back_at_once() -> None:
    delays = sorted(RetryPolicy().delay_s(header(bag=bag), 3) for bag in range(200))
    assert len(set(delays)) == 200
    assert delays[-1] - delays[0] > 0.09 * 960


def test_the_jitter_of_a_bag_does_not_depend_on_the_process() -> None:
    assert RetryPolicy().delay_s(header(), 0) == pytest.approx(308.44, abs=0.01)


def test_the_next_attempt_comes_when_the_delay_is_over() -> None:
    policy = RetryPolicy()
    due = policy.next_try(header(), 2, tried_at=DUE_AT + 1000)
    assert due == DUE_AT + 1000 + policy.delay_s(header(), 2)


def test_there_is_none_when_the_window_will_have_closed() -> None:
    policy = RetryPolicy(window_s=3600.0)
    last = DUE_AT + 3600.0 - policy.delay_s(header(), 0)
    assert policy.next_try(header(), 0, last) == DUE_AT + 3600.0
    assert policy.next_try(header(), 0, last + 0.001) is None


def test_a_day_has_room_for_ten_attempts() -> None:
    policy, attempt = RetryPolicy(), 0
    tried_at: float | None = DUE_AT
    while tried_at is not None:
        assert tried_at <= DUE_AT + 86400
        tried_at = policy.next_try(header(attempt), attempt, tried_at)
        attempt += 1
    assert attempt == 10


def test_there_is_none_when_the_key_has_no_number_for_it() -> None:
    last = header(keys.MOST_ATTEMPTS - 1)
    assert RetryPolicy().next_try(last, 0, DUE_AT) is None
