"""Notification rules are merged with those of others."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ekiden.bucket.notices import (
    EVENTS,
    EVERY_CREATION,
    STAGES,
    Notice,
    all_of,
    conflicts,
    from_s3,
    parse_targets,
    plan,
    to_s3,
    untold,
    wanted,
)
from shared import keys

TARGETS = {stage: f"arn:minio:sqs::{stage}:webhook" for stage in STAGES}
OURS = wanted(TARGETS)
THEIRS = Notice("theirs", "arn:aws:sqs:eu:1:theirs", frozenset({EVERY_CREATION}), "logs/")


def test_each_work_prefix_is_told_to_its_stage() -> None:
    assert {(each.prefix, each.target) for each in OURS} == {
        (prefix, TARGETS[stage]) for prefix, stage in keys.WORK.items()
    }
    assert untold(OURS) == {}


def test_what_is_planned_once_is_there_the_second_time() -> None:
    assert plan([], OURS).add == OURS
    assert not plan([THEIRS, *OURS], OURS).differs


def test_rules_of_others_are_kept_and_ours_are_replaced() -> None:
    stale = replace(OURS[0], target="arn:minio:sqs::old:webhook")
    made = plan([stale, THEIRS], OURS)
    assert (made.keep, made.add, made.replaced) == ([1], OURS, 1)


def test_a_rule_of_others_that_tells_the_same_target_is_enough() -> None:
    theirs = Notice("terraform", OURS[0].target, frozenset({EVERY_CREATION}), OURS[0].prefix)
    assert plan([theirs], OURS).add == OURS[1:]


def test_other_targets_for_the_same_objects_are_a_conflict() -> None:
    everything = replace(THEIRS, prefix="")
    assert conflicts([everything, *OURS], OURS)
    assert conflicts([THEIRS, *OURS], OURS) == []


def test_two_prefixes_of_one_bucket_do_not_meet() -> None:
    mail = wanted(TARGETS, "mail/")
    assert conflicts(mail, OURS) == []
    assert set(untold(OURS, "mail/")) == set(keys.WORK)


@pytest.mark.parametrize(
    "lacking",
    [
        replace(OURS[0], events=frozenset(EVENTS[:1])),
        replace(OURS[0], suffix=".json"),
        replace(OURS[0], prefix=OURS[0].prefix + "example.com/"),
    ],
)
def test_a_prefix_that_is_told_of_in_part_is_untold(lacking: Notice) -> None:
    assert list(untold([lacking, *OURS[1:]])) == [OURS[0].prefix]


def test_two_rules_may_share_a_prefix() -> None:
    halves = [replace(OURS[0], events=frozenset(part)) for part in (EVENTS[:2], EVENTS[2:])]
    assert untold([*halves, *OURS[1:]]) == {}


def test_eventbridge_is_told_of_everything() -> None:
    assert untold(all_of({"EventBridgeConfiguration": {}})) == {}
    assert set(untold(all_of({}))) == set(keys.WORK)


def test_a_rule_is_written_as_it_is_read() -> None:
    assert [from_s3(to_s3(each)) for each in OURS] == OURS


@given(some.dictionaries(some.text(), some.lists(some.text())))
def test_what_a_server_says_beside_is_passed_over(more: dict[str, list[str]]) -> None:
    assert from_s3({**to_s3(OURS[0]), **{f"x{name}": value for name, value in more.items()}})


def test_targets_are_read() -> None:
    assert parse_targets([f"{stage}={arn}" for stage, arn in TARGETS.items()]) == TARGETS


@pytest.mark.parametrize(
    "text", ["", "send", "send=", "send=x", "sent=arn:aws:sqs:eu:1:x", "send=arn:aws:sns:eu:1:x"]
)
def test_targets_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="STAGE=ARN"):
        parse_targets([text])
