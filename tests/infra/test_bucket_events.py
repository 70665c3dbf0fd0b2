"""What the Broker's overlay makes of MinIO's webhook, evaluated as Knative's transformer does, and
read by the function that it is for."""

import sys
from typing import Any
from urllib.parse import quote_plus

import msgspec
import pytest
import yaml
from manifests import KNATIVE, STAGES

from shared import events

DEPTH = sys.getrecursionlimit()
jsonata = pytest.importorskip("jsonata", reason="the package jsonata-python is missing")
sys.setrecursionlimit(DEPTH)  # it raises the limit for the whole process: others test theirs

NAMES = {"inbox/": "example.com/Grüße + 1.json"}


def _transformed(webhook: Any) -> Any:
    text = (KNATIVE / "overlays" / "broker" / "bucket-events.yaml").read_text()
    transform = next(yaml.safe_load_all(text))
    try:
        return jsonata.Jsonata(transform["spec"]["jsonata"]["expression"]).evaluate(webhook)
    finally:
        sys.setrecursionlimit(DEPTH)


def _webhook(key: str) -> Any:
    bucket, object_ = {"name": "ekiden"}, {"key": quote_plus(key), "size": 3, "eTag": "e1"}
    record = {
        "eventSource": "minio:s3",
        "eventName": "s3:ObjectCreated:Put",
        "s3": {"bucket": bucket, "object": {**object_, "sequencer": "17C0"}},
    }
    return {"EventName": record["eventName"], "Key": f"ekiden/{key}", "Records": [record]}


@pytest.mark.parametrize(("stage", "prefix"), STAGES.items())
def test_the_type_says_the_stage_and_the_data_the_key(stage: str, prefix: str) -> None:
    key = prefix + NAMES.get(prefix, "b/0000.json")
    event = _transformed(_webhook(key))
    assert event["type"] == f"ekiden.work.{stage}"
    assert event["specversion"] == "1.0"
    assert event["id"] == "bucket-17C0-e1"
    (read,) = events.parse(msgspec.json.encode(event), {})
    assert (read.bucket, read.key, read.size_bytes) == ("ekiden", key, 3)
    assert not read.hurry, "the Broker waits, and has to hear what became of the work"


@pytest.mark.parametrize("key", ["batches/b/content.json", "failed/send/dispatched/x", "inbox", ""])
def test_what_no_stage_takes_gets_a_type_that_nobody_wants(key: str) -> None:
    assert _transformed(_webhook(key))["type"] == "ekiden.other"


@pytest.mark.parametrize("body", [{}, {"Records": []}, {"Records": [{}]}, {"hello": "world"}])
def test_what_is_no_notification_becomes_an_event_all_the_same(body: Any) -> None:
    event = _transformed(body)
    assert event["type"] == "ekiden.other"
    assert event["id"]
