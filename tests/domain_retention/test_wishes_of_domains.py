"""What a Domain may wish to keep less long, and from when on something is too old."""

from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain_retention.stretches import Reach, stretches
from shared.domain_retention.wanted import (
    KINDS,
    LEAST_DAYS,
    MOST_DAYS,
    checked,
    cutoff,
    in_force,
    parse_days,
)
from shared.errors import Malformed

WRONG: list[dict[str, Any]] = [
    {"batches": 6},
    {"batches": 0},
    {"batches": -7},
    {"batches": 7.5},
    {"batches": 7.0},
    {"batches": True},
    {"batches": "7"},
    {"batches": None},
    {"batches": MOST_DAYS + 1},
    {"batches": 10**30},
    {"events": 0},
    {"received": float("nan")},
    {"calls": []},
    {"stats": 30},
    {"": 30},
    {"batches": 30, "Events": 30},
]


@pytest.mark.parametrize("days", WRONG, ids=str)
def test_what_nobody_can_keep_is_refused(days: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        checked(days)


@pytest.mark.parametrize("days", WRONG, ids=str)
def test_a_record_that_nobody_could_have_written_deletes_nothing(days: dict[str, Any]) -> None:
    assert in_force(days) in ({}, {"batches": 30})


def test_all_kinds_may_be_kept_for_their_least_and_most_days() -> None:
    for days in (LEAST_DAYS, dict.fromkeys(KINDS, MOST_DAYS)):
        assert checked(days) == in_force(days) == days


def test_people_write_kind_equals_days() -> None:
    assert parse_days(["batches=30", "calls=7"]) == {"batches": 30, "calls": 7}
    assert parse_days([]) == {}


@pytest.mark.parametrize(
    "words",
    [
        *(["batches"], ["batches="], ["=7"], ["batches=7d"], ["batches=-7"], ["batches= 7"]),
        *(["batches=٧"], ["batches=1e3"], ["batches=6"], ["batches=99999999999"], ["x=7"]),
        ["batches=7", "batches=30"],
    ],
    ids=str,
)
def test_what_people_cannot_mean_is_refused(words: list[str]) -> None:
    with pytest.raises(Malformed):
        parse_days(words)


def test_days_are_whole_days_of_utc() -> None:
    midnight = 1_799_971_200.0
    for seconds in (0, 1, 86_399):
        assert cutoff(7, midnight + seconds) == midnight - 7 * 86_400
    assert cutoff(7, midnight - 1) == midnight - 8 * 86_400


times = st.integers(0, 30).map(float)


@given(st.lists(st.tuples(times, times), max_size=6))
def test_each_stretch_is_walked_once_for_all_who_have_to(pairs: list[tuple[float, float]]) -> None:
    reaches = [Reach(str(number), *pair) for number, pair in enumerate(pairs)]
    found = stretches(reaches)
    assert all(one.end <= other.start for one, other in pairwise(found))
    for at in range(31):
        wanted = {each.domain for each in reaches if each.start <= at < each.end}
        walked = [each.domains for each in found if each.start <= at < each.end]
        assert walked == ([wanted] if wanted else [])


def test_the_order_of_domains_changes_nothing() -> None:
    reaches = [Reach("a", 0, 9), Reach("b", 5, 12), Reach("c", 20, 30), Reach("d", 9, 9)]
    shuffled = Random(1).sample(reaches, len(reaches))
    assert stretches(reaches) == stretches(shuffled)
    assert [each[:2] for each in stretches(reaches)] == [(0, 5), (5, 9), (9, 12), (20, 30)]
