"""`ekiden bucket init` as on AWS: S3 and SQS of moto."""

import json
import urllib.request
from dataclasses import replace
from typing import Any

import pytest
from local_servers import url

from ekiden.bucket.aws import allowed
from ekiden.bucket.client import BucketClient, sqs_client
from ekiden.bucket.engine import Engine
from ekiden.bucket.notices import all_of, untold
from ekiden.bucket.place import Place, place_of
from ekiden.bucket.setup import Wishes, set_up
from ekiden.bucket.step import State, Step
from shared.errors import StoreRefused
from shared.layout import QUEUES

ARN = "arn:aws:sqs:eu-central-1:123456789012:ekiden-send"


@pytest.fixture
def place(moto: str) -> Place:
    """A bucket that is not there yet, at an AWS that forgot all else."""
    urllib.request.urlopen(f"{moto}/moto-api/reset", data=b"", timeout=30).close()
    found = place_of(url(moto))
    assert found is not None
    return replace(found, region="eu-central-1")


def store_url(place: Place) -> str:
    return (
        f"s3://{place.bucket}/{place.prefix}?endpoint={place.endpoint}&region={place.region}"
        f"&access_key_id={place.access_key_id}&secret_access_key={place.secret_access_key}"
    )


def done(place: Place, **wishes: Any) -> dict[str, Step]:
    return {
        step.name: step for step in set_up(store_url(place), Wishes(engine=Engine.AWS, **wishes))
    }


def state(place: Place) -> tuple[Any, ...]:
    """Everything that init could change."""
    client, sqs = BucketClient(place), sqs_client(place)
    urls = sorted(sqs.list_queues().get("QueueUrls", []))
    attributes: list[Any] = [
        sqs.get_queue_attributes(QueueUrl=each, AttributeNames=["All"])["Attributes"]
        for each in urls
    ]
    return client.rules(), client.notifications(), attributes


def test_queues_are_made_with_dead_letters_behind_them(place: Place) -> None:
    steps = done(place, queues=True)
    assert steps["queue ekiden-send"].state is State.MADE
    sqs = sqs_client(place)
    address = sqs.get_queue_url(QueueName="ekiden-send")["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=address, AttributeNames=["All"])["Attributes"]
    redrive = json.loads(found["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"].endswith(":ekiden-send-dead")
    assert int(redrive["maxReceiveCount"]) == 5
    statement = json.loads(found["Policy"])["Statement"][0]
    assert statement["Condition"]["ArnEquals"]["aws:SourceArn"] == f"arn:aws:s3:::{place.bucket}"


def test_the_bucket_tells_each_queue_of_its_prefix(place: Place) -> None:
    steps = done(place, queues=True)
    assert steps["notifications"].state is State.MADE
    found = BucketClient(place).notifications()
    assert untold(all_of(found)) == {}
    assert len(found["QueueConfigurations"]) == len(QUEUES)


def test_an_object_that_is_put_is_in_its_queue(place: Place) -> None:
    done(place, queues=True)
    s3: Any = BucketClient(place)._s3
    s3.put_object(Bucket=place.bucket, Key="dispatched/x/0000.000.jsonl", Body=b"x")
    sqs = sqs_client(place)
    address = sqs.get_queue_url(QueueName="ekiden-send")["QueueUrl"]
    found = sqs.receive_message(QueueUrl=address, MaxNumberOfMessages=10)["Messages"]
    assert any("dispatched" in each["Body"] for each in found)


def test_the_second_time_nothing_changes(place: Place) -> None:
    done(place, queues=True)
    before = state(place)
    assert {step.state for step in done(place, queues=True).values()} == {State.THERE}
    assert {step.state for step in done(place).values()} == {State.THERE}
    assert state(place) == before


def test_rules_of_others_stay(place: Place) -> None:
    client, sqs = BucketClient(place), sqs_client(place)
    client.make(place.region)
    address = sqs.create_queue(QueueName="theirs")["QueueUrl"]
    said: Any = sqs.get_queue_attributes(QueueUrl=address, AttributeNames=["QueueArn"])
    theirs = {
        "Id": "theirs",
        "QueueArn": said["Attributes"]["QueueArn"],
        "Events": ["s3:ObjectRemoved:*"],
    }
    topic = {
        "Id": "topic",
        "TopicArn": "arn:aws:sns:eu-central-1:123456789012:theirs",
        "Events": ["s3:ObjectRemoved:*"],
    }
    before = {"QueueConfigurations": [theirs], "TopicConfigurations": [topic]}
    client.put_notifications(before)
    done(place, queues=True)
    found = client.notifications()
    assert found["QueueConfigurations"][0] == theirs
    assert found["TopicConfigurations"] == [topic]


def test_without_queues_the_missing_ones_are_said_and_no_rule_is_written(place: Place) -> None:
    steps = done(place)
    assert steps["queue ekiden-send"].state is State.FAILED
    assert "--queues" in steps["queue ekiden-send"].detail
    assert steps["notifications"].state is State.LEFT_OUT
    assert BucketClient(place).notifications() == {}


def test_a_dry_run_makes_neither_bucket_nor_queue(place: Place) -> None:
    steps = done(place, queues=True, dry_run=True)
    assert {step.state for step in steps.values()} == {State.PLANNED}
    assert BucketClient(place).look()[0] is False
    assert sqs_client(place).list_queues().get("QueueUrls", []) == []


def test_a_queue_of_another_bucket_is_left_alone(place: Place) -> None:
    """Each function drops what is not in its own bucket: the other's events would be lost."""
    done(place, queues=True)
    other = replace(place, bucket=f"{place.bucket}-two")
    steps = done(other, queues=True)
    assert f"belongs to arn:aws:s3:::{place.bucket}" in steps["queue ekiden-send"].detail
    assert steps["notifications"].state is State.LEFT_OUT


def test_targets_in_the_way_are_named(place: Place) -> None:
    done(place, queues=True)
    client = BucketClient(place)
    arn = ARN.replace("ekiden-send", "theirs")
    theirs = {"Id": "theirs", "QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
    client.put_notifications({"QueueConfigurations": [theirs]})
    step = done(place)["notifications"]
    assert step.state is State.FAILED
    assert f"theirs tells {arn} of everything" in step.detail
    assert client.notifications()["QueueConfigurations"] == [theirs]


def test_targets_of_ones_own_need_no_queue_of_ours(place: Place) -> None:
    targets = {stage: ARN.replace("ekiden-send", f"own-{stage}") for stage in QUEUES}
    steps = done(place, targets=targets)
    assert not any(name.startswith("queue") for name in steps)
    assert steps["notifications"].state is State.MADE


def test_a_policy_keeps_what_others_wrote() -> None:
    theirs = {"Sid": "theirs", "Effect": "Deny", "Principal": "*", "Action": "sqs:*"}
    policy = allowed(json.dumps({"Version": "2012-10-17", "Statement": theirs}), ARN, "ekiden")
    assert json.loads(policy)["Statement"][0] == theirs
    assert allowed(policy, ARN, "ekiden") == ""


@pytest.mark.parametrize(
    "text", ["{torn", "[]", '{"Statement": 3}', '{"Statement": [{"Condition": 7}]}', '"x"']
)
def test_a_policy_that_cannot_be_read_is_not_replaced(text: str) -> None:
    with pytest.raises(StoreRefused, match="cannot be read"):
        allowed(text, ARN, "ekiden")


def test_a_bucket_elsewhere_is_asked_for_by_region(place: Place) -> None:
    done(place, notify=False)
    s3: Any = BucketClient(place)._s3
    assert s3.get_bucket_location(Bucket=place.bucket)["LocationConstraint"] == place.region
