"""Lifecycle rules are merged with those of others, and what must stay is noticed."""

from typing import Any

import pytest

from ekiden.bucket.expiry import KEPT, dangers, merge, parse_expire, wanted, without_expiry
from shared.layout import EXPIRES_AFTER_S


def rule(name: str, prefix: str, days: int, **more: Any) -> dict[str, Any]:
    return {
        "ID": name,
        "Status": "Enabled",
        "Filter": {"Prefix": prefix},
        "Expiration": {"Days": days},
        **more,
    }


def test_an_empty_bucket_gets_one_rule_for_each_prefix_that_grows() -> None:
    made = merge([], wanted({}))
    assert {each["Filter"]["Prefix"] for each in made.rules} == set(EXPIRES_AFTER_S)
    assert all(each["ID"].startswith("ekiden-") for each in made.rules)


def test_merged_again_nothing_differs() -> None:
    made = merge([], wanted({}), "mail/")
    assert not merge(made.rules, wanted({}), "mail/").differs


def test_rules_of_others_stay_and_in_their_place() -> None:
    theirs = rule("logs", "logs/", 7)
    assert merge([theirs], wanted({})).rules[0] == theirs


def test_two_installations_in_one_bucket_leave_each_other_alone() -> None:
    one = merge([], wanted({}), "mail/")
    both = merge(one.rules, wanted({"batches/": 9}))
    assert both.rules[: len(one.rules)] == one.rules
    assert not merge(both.rules, wanted({}), "mail/").differs


def test_a_rule_of_others_that_says_the_same_is_enough() -> None:
    theirs = rule("terraform", "batches/", 400)
    assert "batches/ 400 days" not in merge([theirs], wanted({})).added


def test_other_days_change_only_that_rule() -> None:
    made = merge([], wanted({})).rules
    changed = merge(made, wanted({"batches/": 90}))
    assert changed.changed == ["batches/ 90 days (it was 400)"]
    differing = [new for old, new in zip(made, changed.rules, strict=True) if old != new]
    assert differing == [rule("ekiden-batches", "batches/", 90)]


def test_never_takes_our_rule_away() -> None:
    made = merge([], wanted({})).rules
    merged = merge(made, wanted({"events/": 0}))
    assert merged.removed == ["events/ (it was 400 days)"]
    assert "events/" in without_expiry(merged.rules)


def test_a_rule_that_somebody_switched_off_is_switched_on() -> None:
    off = rule("ekiden-batches", "batches/", 400, Status="Disabled")
    assert merge([off], wanted({})).changed == ["batches/ 400 days (it was 0)"]


def test_a_rule_in_the_old_form_gets_a_filter() -> None:
    """S3 refuses a prefix outside the filter in one rule, and a filter in another."""
    old = {"ID": "old", "Status": "Enabled", "Prefix": "logs/", "Expiration": {"Days": 3}}
    assert merge([old], wanted({})).rules[0] == rule("old", "logs/", 3)


@pytest.mark.parametrize(
    "prefix", ["", "dis", "dispatched/", "dispatched/x", "domains/", "failed/"]
)
def test_a_rule_that_deletes_what_must_stay_is_a_danger(prefix: str) -> None:
    assert dangers([rule("theirs", prefix, 30)])


@pytest.mark.parametrize(
    "harmless",
    [
        *merge([], wanted({})).rules,
        rule("logs", "logs/", 1),
        rule("off", "", 1, Status="Disabled"),
        rule("tagged", "", 1, Filter={"And": {"Prefix": "", "Tags": [{"Key": "a", "Value": "b"}]}}),
        {"ID": "parts", "Status": "Enabled", "Filter": {"Prefix": ""}, "AbortIncomplete": {}},
        rule("markers", "", 1, Expiration={"ExpiredObjectDeleteMarker": True}),
    ],
)
def test_a_rule_that_deletes_nothing_of_ours_is_none(harmless: dict[str, Any]) -> None:
    assert dangers([harmless]) == []


def test_a_danger_is_seen_below_a_prefix_of_ours_only() -> None:
    assert dangers([rule("theirs", "dispatched/", 1)], "mail/") == []
    assert len(dangers([rule("theirs", "", 1)], "mail/")) == len(KEPT)


def test_days_are_read_as_durations() -> None:
    assert parse_expire(["batches/=90d", "events/=0", "probe/=36h"]) == {
        "batches/": 90,
        "events/": 0,
        "probe/": 2,
    }


@pytest.mark.parametrize(
    "text", ["", "batches/", "batches=90d", "batches/=", "batches/=-1d", "dispatched/=1d", "=3d"]
)
def test_days_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"batches/=90d|no duration|out of range"):
        parse_expire([text])
