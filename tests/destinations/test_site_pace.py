"""How fast a site takes mail: learnt from its answers, never above its limits, never nothing."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.send.destinations.limits import Limits
from functions.send.destinations.pace import (
    BURST_S,
    COOLING_S,
    FIRST_CONNECTIONS,
    SLOWEST_A_MINUTE,
    UNLIMITED,
    Pace,
)


def taken(pace: Pace, now: float, most: int = 10_000) -> int:
    """How many go at this moment."""
    count = 0
    while count < most and pace.take(now):
        count += 1
    return count


def test_it_begins_with_a_few_connections() -> None:
    assert Pace(Limits(connections=20), 0.0).connections == FIRST_CONNECTIONS
    assert Pace(Limits(connections=2), 0.0).connections == 2


def test_a_round_of_successes_is_worth_one_connection_up_to_the_limit() -> None:
    pace, grown = Pace(Limits(connections=8), 0.0), []
    for _ in range(6):
        for _ in range(pace.connections + 1):
            pace.went_well(0.0)
        grown.append(pace.connections)
    assert grown == [6, 7, 8, 8, 8, 8]


def test_a_complaint_halves_once_while_it_cools() -> None:
    pace = Pace(Limits(connections=20), 0.0)
    for _ in range(500):
        pace.went_well(0.0)
    assert pace.connections == 20
    assert pace.slow_down(1.0)
    assert not pace.slow_down(1.0 + COOLING_S / 2)
    assert pace.connections == 10
    assert pace.slow_down(1.0 + COOLING_S)
    assert pace.connections == 5


def test_no_success_counts_while_it_cools() -> None:
    pace = Pace(Limits(), 0.0)
    pace.slow_down(0.0)
    before = pace.connections
    for _ in range(100):
        pace.went_well(COOLING_S / 2)
    assert pace.connections == before
    for _ in range(100):
        pace.went_well(COOLING_S)
    assert pace.connections > before


def test_a_complaint_halves_the_rate_that_went_through() -> None:
    pace = Pace(Limits(), 0.0)
    assert pace.per_minute == UNLIMITED
    assert taken(pace, 0.0, most=600) == 600
    pace.slow_down(0.0)
    assert pace.per_minute == 300
    assert pace.is_slowed


def test_a_complaint_in_a_quiet_hour_leaves_ten_a_minute() -> None:
    pace = Pace(Limits(), 0.0)
    assert pace.take(0.0)
    pace.slow_down(0.0)
    assert pace.per_minute == SLOWEST_A_MINUTE


def test_a_low_limit_of_the_operator_stays_the_limit() -> None:
    pace = Pace(Limits(per_minute=4), 0.0)
    pace.slow_down(0.0)
    assert pace.per_minute == 4
    assert not pace.is_slowed


def test_it_comes_back_until_it_is_no_limit_any_more() -> None:
    pace = Pace(Limits(), 0.0)
    pace.slow_down(0.0)
    rates = []
    for minute in range(1, 15):
        pace.look(60.0 * minute)
        rates.append(pace.per_minute)
    assert rates == sorted(rates)
    assert rates[0] == pytest.approx(12.5)
    assert rates[-1] == UNLIMITED
    assert not pace.is_slowed


def test_it_comes_back_to_the_limit_and_not_beyond() -> None:
    pace = Pace(Limits(per_minute=600), 0.0)
    pace.slow_down(0.0)
    for minute in range(1, 60):
        pace.look(60.0 * minute)
        assert pace.per_minute <= 600
    assert pace.per_minute == 600
    assert not pace.is_slowed


def test_it_comes_back_as_well_when_nobody_looks_for_an_hour() -> None:
    pace = Pace(Limits(), 0.0)
    pace.slow_down(0.0)
    pace.look(3600.0)
    assert pace.per_minute == UNLIMITED


def test_after_a_complaint_there_is_a_pause_and_its_length_is_known() -> None:
    pace = Pace(Limits(), 0.0)
    pace.slow_down(0.0)
    assert not pace.take(0.0)
    wait_s = pace.wait_s(0.0)
    assert wait_s == pytest.approx(60 / SLOWEST_A_MINUTE)
    assert pace.take(wait_s + 0.001)


def test_who_waits_as_long_as_it_says_need_not_wait_in_a_circle() -> None:
    pace, now, circles = Pace(Limits(per_minute=7), 0.0), 0.0, 0
    for _ in range(1000):
        while not pace.take(now):
            now += pace.wait_s(now)
            circles += 1
    assert circles < 2000
    assert now == pytest.approx(999 * 60 / 7, rel=0.01)


@given(
    st.integers(1, 50),
    st.integers(0, 1000),
    st.lists(st.tuples(st.sampled_from("twsl"), st.floats(0, 90)), max_size=200),
)
def test_whatever_happens_it_stays_within_its_limits(
    connections: int, per_minute: int, events: list[tuple[str, float]]
) -> None:
    pace, now, went = Pace(Limits(connections, per_minute=per_minute), 0.0), 0.0, []
    for what, passed_s in events:
        now += passed_s
        if what == "t":
            went += [now] * taken(pace, now, most=100)
        elif what == "w":
            pace.went_well(now)
        elif what == "s":
            pace.slow_down(now)
        else:
            pace.look(now)
        assert 1 <= pace.connections <= connections
        assert pace.per_minute > 0
        if per_minute:
            assert pace.per_minute <= per_minute
            last_minute = sum(each > now - 60 for each in went)
            assert last_minute <= per_minute + max(1, per_minute * BURST_S / 60) + 1


def test_the_rate_over_an_hour_is_the_limit() -> None:
    pace, chance, count, now = Pace(Limits(per_minute=60), 0.0), Random(0), 0, 0.0
    while now < 3600:
        count += taken(pace, now)
        now += chance.random() * 4
    assert 3590 < count <= 3605
