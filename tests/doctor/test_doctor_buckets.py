"""The checks of the bucket's set-up."""

import uuid
from dataclasses import replace
from typing import Any

import pytest
from examination import check, only
from local_servers import url
from seaweed import Seaweed

from ekiden.bucket import minio
from ekiden.bucket.client import BucketClient
from ekiden.bucket.place import place_of
from ekiden.bucket.setup import Wishes, set_up
from ekiden.doctor.finding import State


@pytest.fixture
def bucket(gateway: str) -> BucketClient:
    """Nobody is told of anything in it."""
    place = place_of(url(gateway))
    assert place is not None
    client = BucketClient(place)
    client.put_notifications({})
    return client


def new_bucket(seaweed: Seaweed, rules: list[dict[str, Any]]) -> str:
    store_url = replace(seaweed, bucket=f"b{uuid.uuid4().hex[:12]}").url()
    place = place_of(store_url)
    assert place is not None
    client = BucketClient(place)
    client.make()
    client.put_rules(rules)
    return store_url


def test_a_bucket_that_tells_of_all_work_is_well(bucket: BucketClient) -> None:
    minio.notify(bucket.place, bucket.endpoint, {}, dry_run=False)
    assert only(check("notifications", url(bucket.endpoint))).state is State.OK


def test_a_bucket_that_tells_nobody_is_a_warning(bucket: BucketClient) -> None:
    finding = only(check("notifications", url(bucket.endpoint)))
    assert finding.state is State.WARNING
    assert "ekiden bucket init" in finding.advice


def test_a_bucket_that_tells_of_some_work_fails(bucket: BucketClient) -> None:
    minio.notify(bucket.place, bucket.endpoint, {}, dry_run=False)
    found = bucket.notifications()["QueueConfigurations"]
    puts_only = {**found[0], "Events": ["s3:ObjectCreated:Put"]}
    bucket.put_notifications({"QueueConfigurations": [puts_only, *found[2:]]})
    finding = only(check("notifications", url(bucket.endpoint)))
    assert finding.state is State.FAILED
    assert "(Post, Copy, CompleteMultipartUpload)" in finding.seen
    assert "(Put, Post, Copy, CompleteMultipartUpload)" in finding.seen


def test_seaweedfs_cannot_be_asked(seaweed: Seaweed) -> None:
    finding = only(check("notifications", seaweed.url()))
    assert finding.state is State.SKIPPED
    assert "notification.toml" in finding.advice


def test_a_bucket_that_was_set_up_lets_old_things_go(seaweed: Seaweed) -> None:
    store_url = new_bucket(seaweed, [])
    finding = only(check("lifecycle", store_url))
    assert finding.state is State.WARNING
    assert "batches/" in finding.seen
    list(set_up(store_url, Wishes()))
    assert only(check("lifecycle", store_url)).state is State.OK


def test_a_rule_that_deletes_work_fails(seaweed: Seaweed) -> None:
    everything = {
        "ID": "tidy",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "Expiration": {"Days": 30},
    }
    finding = only(check("lifecycle", new_bucket(seaweed, [everything])))
    assert finding.state is State.FAILED
    assert "tidy deletes domains/" in finding.seen


def test_an_engine_without_rules_is_passed_over(bucket: BucketClient) -> None:
    assert only(check("lifecycle", url(bucket.endpoint))).state is State.SKIPPED


@pytest.mark.parametrize("name", ["notifications", "lifecycle"])
def test_a_file_has_no_set_up(name: str) -> None:
    assert only(check(name)).state is State.SKIPPED


@pytest.mark.parametrize(
    ("name", "said"), [("notifications", "no bucket never-made"), ("lifecycle", "NoSuchBucket")]
)
def test_a_bucket_that_is_not_there_fails(name: str, said: str, seaweed: Seaweed) -> None:
    finding = only(check(name, replace(seaweed, bucket="never-made").url()))
    assert finding.state is State.FAILED
    assert said in finding.seen
