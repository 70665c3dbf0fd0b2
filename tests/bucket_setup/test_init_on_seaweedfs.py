"""`ekiden bucket init` on SeaweedFS."""

import tomllib
import uuid
from dataclasses import replace
from typing import Any

import pytest
from ekiden_command import ekiden
from local_servers import url
from seaweed import Seaweed

from ekiden.bucket.client import BucketClient
from ekiden.bucket.place import Place, place_of
from ekiden.bucket.seaweedfs import block
from ekiden.bucket.setup import Wishes, set_up
from ekiden.bucket.step import State, Step
from shared.layout import EXPIRES_AFTER_S

THEIRS = {
    "ID": "theirs",
    "Status": "Enabled",
    "Filter": {"Prefix": "logs/"},
    "Expiration": {"Days": 7},
}


@pytest.fixture
def store_url(seaweed: Seaweed) -> str:
    """Of a bucket that is not there yet."""
    return replace(seaweed, bucket=f"b{uuid.uuid4().hex[:12]}").url()


def done(store_url: str, **wishes: Any) -> dict[str, Step]:
    return {step.name: step for step in set_up(store_url, Wishes(**wishes))}


def client(store_url: str) -> BucketClient:
    place = place_of(store_url)
    assert place is not None
    return BucketClient(place)


def test_a_missing_bucket_is_made_and_set_up(store_url: str) -> None:
    steps = done(store_url)
    assert (steps["bucket"].state, steps["lifecycle"].state) == (State.MADE, State.MADE)
    assert "engine: seaweedfs" in steps["bucket"].detail
    assert steps["conditional puts"] == Step("conditional puts", State.THERE, "honoured")
    prefixes = {rule["Filter"]["Prefix"] for rule in client(store_url).rules()[0]}
    assert prefixes == set(EXPIRES_AFTER_S)


def test_the_second_time_everything_is_there_already(store_url: str) -> None:
    done(store_url)
    before = client(store_url).rules()
    states = {step.state for step in done(store_url).values()}
    assert states == {State.THERE, State.BY_HAND}
    assert client(store_url).rules() == before


def test_rules_of_others_stay(store_url: str) -> None:
    client(store_url).make()
    client(store_url).put_rules([THEIRS])
    done(store_url, expire={"batches/": 90})
    done(store_url, expire={"batches/": 30})
    rules = client(store_url).rules()[0]
    assert rules[0] == THEIRS
    assert len(rules) == 1 + len(EXPIRES_AFTER_S)


def test_what_shall_not_expire_has_no_rule(store_url: str) -> None:
    done(store_url)
    step = done(store_url, expire=dict.fromkeys(EXPIRES_AFTER_S, 0))["lifecycle"]
    assert step.state is State.CHANGED
    assert client(store_url).rules() == ([], "")


def test_a_prefix_of_the_store_is_honoured(store_url: str) -> None:
    below = store_url.replace("/?", "/mail?")
    done(below)
    prefixes = {rule["Filter"]["Prefix"] for rule in client(below).rules()[0]}
    assert prefixes == {f"mail/{each}" for each in EXPIRES_AFTER_S}


def test_a_dry_run_changes_nothing(store_url: str) -> None:
    steps = done(store_url, dry_run=True)
    assert {step.state for step in steps.values()} <= {State.PLANNED, State.BY_HAND}
    assert client(store_url).look()[0] is False
    done(store_url)
    planned = done(store_url, dry_run=True, expire={"batches/": 1})["lifecycle"]
    assert planned == Step("lifecycle", State.PLANNED, "changed: batches/ 1 days (it was 400)")
    assert done(store_url)["lifecycle"].state is State.THERE


def test_a_rule_of_others_that_deletes_work_is_named(store_url: str) -> None:
    client(store_url).make()
    client(store_url).put_rules([{**THEIRS, "Filter": {"Prefix": ""}}])
    assert "theirs deletes dispatched/" in done(store_url)["lifecycle"].detail


def test_the_filers_webhook_is_printed_with_its_token(store_url: str) -> None:
    step = done(store_url, webhook="http://pod.example/", token="s3cret")["notifications"]
    assert step.state is State.BY_HAND
    assert 'bearer_token = "s3cret"' in step.detail


def test_the_block_is_toml_whatever_is_in_it() -> None:
    webhook = 'http://pod.example/a"b\\c'
    read = tomllib.loads(block(Place("ekiden", "mail/"), webhook, "to/ken=="))
    assert read["notification"]["webhook"] == {
        "enabled": True,
        "endpoint": webhook,
        "bearer_token": "to/ken==",
        "event_types": ["create"],
        "path_prefixes": ["/buckets/ekiden/mail/"],
    }


def test_wrong_credentials_are_said_and_nothing_else_is_tried(seaweed: Seaweed) -> None:
    steps = done(replace(seaweed, secret_access_key="wrong").url())
    assert "SignatureDoesNotMatch" in steps["bucket"].detail
    assert "AWS_SECRET_ACCESS_KEY" in steps["bucket"].detail
    assert [step.state for step in steps.values()] == [State.FAILED, State.LEFT_OUT]


def test_a_store_that_does_not_answer_is_said() -> None:
    steps = done(url("http://127.0.0.1:9"))
    assert "Could not connect" in steps["bucket"].detail
    assert steps["all else"].state is State.LEFT_OUT


def test_the_command_says_each_step_and_ends_well(store_url: str) -> None:
    words = ("bucket", "init", "--expire", "batches/=90d", "--webhook", "http://pod.example/")
    ran = ekiden(*words, store_url=store_url)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[0].startswith("made          bucket: ")
    assert "batches/ 90 days" in ran.stdout
    assert 'endpoint = "http://pod.example/"' in ran.stdout


def test_the_command_fails_when_a_step_does(seaweed: Seaweed) -> None:
    ran = ekiden("bucket", "init", store_url=replace(seaweed, access_key_id="nobody").url())
    assert ran.returncode == 1
    assert "InvalidAccessKeyId" in ran.stdout
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["--engine", "gcs"],
        ["--expire", "dispatched/=1d"],
        ["--target", "send"],
        ["--webhook", "pod.example"],
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_done(words: list[str]) -> None:
    ran = ekiden("bucket", "init", *words, store_url=url("http://127.0.0.1:9"))
    assert ran.returncode == 2
    assert words[0] in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    "store_url", ["s3://", "s3://b?endpoint=ftp://x", "s3://b?nothing=1", "s3://b?endpoint=http://"]
)
def test_a_store_url_that_names_no_bucket_is_refused(store_url: str) -> None:
    ran = ekiden("bucket", "init", store_url=store_url)
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
