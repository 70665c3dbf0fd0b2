"""`ekiden bucket init` on MinIO's own notification code, which JuiceFS's gateway contains."""

from dataclasses import replace
from typing import Any

import pytest
from local_servers import url

from ekiden.bucket import minio
from ekiden.bucket.client import BucketClient
from ekiden.bucket.engine import Engine, recognise
from ekiden.bucket.notices import STAGES, all_of, untold
from ekiden.bucket.place import Place, place_of
from ekiden.bucket.setup import Wishes, set_up
from ekiden.bucket.step import State, Step
from shared.errors import EkidenError, Misconfigured, StoreRefused, StoreUnavailable

THEIRS = {
    "Id": "theirs",
    "QueueArn": "arn:minio:sqs::theirs:webhook",
    "Events": ["s3:ObjectRemoved:Delete"],
    "Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": ".pdf"}]}},
}


@pytest.fixture
def place(gateway: str) -> Place:
    found = place_of(url(gateway))
    assert found is not None
    BucketClient(found).put_notifications({})
    return found


def notify(place: Place, dry_run: bool = False, **targets: str) -> Step:
    return minio.notify(place, place.endpoint, targets, dry_run)


def told(place: Place) -> dict[str, Any]:
    return BucketClient(place).notifications()


def test_it_is_recognised_by_its_headers_and_without_them(place: Place) -> None:
    assert recognise(place, place.endpoint, {"server": "MinIO"}) is Engine.MINIO
    assert recognise(place, place.endpoint, {"server": "nginx"}) is Engine.MINIO


def test_each_stage_has_its_target(place: Place) -> None:
    assert notify(place).state is State.MADE
    assert untold(all_of(told(place))) == {}
    arns = {rule.target for rule in all_of(told(place))}
    assert arns == {f"arn:minio:sqs::{stage}:webhook" for stage in STAGES}


def test_the_second_time_nothing_changes(place: Place) -> None:
    notify(place)
    before = told(place)
    assert notify(place).state is State.THERE
    assert told(place) == before


def test_rules_of_others_stay(place: Place) -> None:
    BucketClient(place).put_notifications({"QueueConfigurations": [THEIRS]})
    notify(place)
    assert THEIRS in told(place)["QueueConfigurations"]
    assert len(told(place)["QueueConfigurations"]) == 1 + len(STAGES)


def test_another_target_replaces_ours(place: Place) -> None:
    notify(place)
    step = notify(place, send="arn:minio:sqs::theirs:webhook")
    assert step == Step(
        "notifications", State.CHANGED, "dispatched/ → arn:minio:sqs::theirs:webhook"
    )
    assert len(told(place)["QueueConfigurations"]) == len(STAGES)


def test_a_dry_run_writes_nothing(place: Place) -> None:
    assert notify(place, dry_run=True).state is State.PLANNED
    assert told(place) == {}


def test_a_prefix_of_the_store_is_honoured(gateway: str, place: Place) -> None:
    below = place_of(url(gateway, prefix="mail"))
    assert below is not None
    notify(below)
    assert untold(all_of(told(place)), "mail/") == {}
    assert {rule.prefix.partition("/")[0] for rule in all_of(told(place))} == {"mail"}


def test_a_target_that_the_server_does_not_have_is_explained(place: Place) -> None:
    with pytest.raises(StoreRefused, match="MINIO_NOTIFY_WEBHOOK_ENABLE_send"):
        notify(place, send="arn:minio:sqs::nowhere:webhook")
    assert told(place) == {}


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"secret_access_key": "wrong-secret"}, StoreRefused),
        ({"endpoint": "http://127.0.0.1:9"}, StoreUnavailable),
        ({"endpoint": "http://127.0.0.1:9/below"}, Misconfigured),
    ],
)
def test_what_goes_wrong_is_one_of_our_errors(
    place: Place, changed: dict[str, str], kind: type[EkidenError]
) -> None:
    with pytest.raises(kind):
        notify(replace(place, **changed))


def test_a_store_that_ignores_conditional_puts_is_refused_before_anything(gateway: str) -> None:
    steps = list(set_up(url(gateway), Wishes()))
    assert [(step.name, step.state) for step in steps] == [
        ("bucket", State.THERE),
        ("conditional puts", State.FAILED),
        ("all else", State.LEFT_OUT),
    ]
    assert "overwrites an object on a create-only put" in steps[1].detail


def test_a_call_that_the_engine_lacks_is_left_to_a_person(place: Place, gateway: str) -> None:
    from ekiden.bucket.setup import _safely, _Setup

    setup = _Setup(url(gateway), BucketClient(place), Wishes())
    setup._is_there = True
    assert _safely("lifecycle", setup._lifecycle).state is State.BY_HAND
