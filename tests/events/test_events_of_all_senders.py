"""Whoever tells of an object, and in whatever clothes: it is read to the same thing."""

import json
from typing import Any

import pytest
from event_samples import NAMES, WORK_KEY, sample, told

from shared.errors import Malformed
from shared.events import parse

RECORD: dict[str, Any] = {
    "eventSource": "aws:s3",
    "eventName": "ObjectCreated:Put",
    "s3": {"bucket": {"name": "mail"}, "object": {"key": "inbox/a", "size": 1, "eTag": "x"}},
}


def keys(value: Any, **headers: str) -> list[str]:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return [event.key for event in parse(json.dumps(value).encode(), named)]


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_tells_of_its_objects(name: str) -> None:
    its = sample(name)
    assert [told(event) for event in parse(its.body, its.headers)] == its.events


def test_every_format_has_samples() -> None:
    formats = ("minio_webhook", "minio_listen", "s3", "sns", "eventbridge", "seaweedfs", "plain")
    formats += ("cloudevents_structured", "cloudevents_binary", "cloudevents_batch")
    for each in formats:
        assert any(name.startswith(each) for name in NAMES), each


@pytest.mark.parametrize("kind", ["Put", "Post", "Copy", "CompleteMultipartUpload"])
def test_the_four_ways_of_creating_an_object_count(kind: str) -> None:
    for prefix in ("", "s3:"):
        record = {**RECORD, "eventName": f"{prefix}ObjectCreated:{kind}"}
        assert keys({"Records": [record]}) == ["inbox/a"]


@pytest.mark.parametrize(
    "name",
    [
        *("s3:ObjectCreated:PutTagging", "s3:ObjectCreated:PutRetention", "ObjectCreated:*", ""),
        *("s3:ObjectRemoved:Delete", "s3:ObjectAccessed:Get", "ObjectRestore:Completed", None, 1),
    ],
)
def test_all_else_that_happens_to_an_object_is_nothing(name: Any) -> None:
    assert keys({"Records": [{**RECORD, "eventName": name}]}) == []


@pytest.mark.parametrize(
    "record",
    [
        *(None, 1, "x", [], {}, {**RECORD, "s3": None}, {**RECORD, "s3": {"object": None}}),
        {**RECORD, "s3": {"bucket": 1, "object": {"key": 1}}},
    ],
    ids=repr,
)
def test_a_record_that_cannot_be_read_is_passed_over(record: Any) -> None:
    assert keys({"Records": [record, RECORD]}) == ["inbox/a"]
    assert keys({"Records": [record]}) == []


@pytest.mark.parametrize("size", [None, -1, 1.5, True, "-1", "1" * 30, [], "²"])
def test_a_size_that_is_none_is_not_known(size: Any) -> None:
    record = {**RECORD, "s3": {"bucket": {}, "object": {"key": "inbox/a", "size": size}}}
    [event] = parse(json.dumps({"Records": [record]}).encode(), {})
    assert (event.bucket, event.size_bytes) == ("", None)


def test_only_webhooks_of_engines_are_in_a_hurry() -> None:
    its = {name: sample(name) for name in NAMES}
    hurried = {n for n, s in its.items() if any(e.hurry for e in parse(s.body, s.headers))}
    assert {name.partition("_")[0] for name in hurried} == {"minio", "seaweedfs"}
    assert not any(name.startswith("minio_listen") for name in hurried)


def test_an_object_may_ride_along() -> None:
    its = sample("plain_body")
    assert [event.body for event in parse(its.body, its.headers)] == [b"{}"]


def test_in_a_list_what_is_no_event_is_passed_over_unless_there_is_nothing_else() -> None:
    assert keys([{"key": "a"}, 7, {}, {"Records": [RECORD]}]) == ["a", "inbox/a"]
    with pytest.raises(Malformed, match="this is no event"):
        keys([7, {}])


def wrapped(times: int) -> Any:
    event: Any = {"key": WORK_KEY}
    for _ in range(times):
        event = {"specversion": "1.0", "type": "x", "data": event}
    return event


def test_an_event_is_wrapped_four_times_at_most() -> None:
    assert keys(wrapped(4)) == [WORK_KEY]
    with pytest.raises(Malformed):
        keys(wrapped(5))


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"\xff", b"1", b"null", b'"x"', b"{}", b'"{}"', b'{"key": 1}'),
        *(b'{"Records": {}}', b'{"data": {"key": "x"}}', b'{"key": "x", "body": "?"}'),
        *(b'{"key": "x", "body": 1}', b'{"specversion": "1.0"}', b'{"detail-type": 1}'),
        b'{"specversion": "1.0", "data_base64": "?"}',
        b'{"specversion": "1.0", "data": "no JSON"}',
        b'{"TopicArn": "t", "Type": "Notification", "Message": "hello"}',
        b'{"specversion": "1.0", "data":' * 5000 + b"{}" + b"}" * 5000,
        b"[" * 100_000,
        b'{"key": "\\ud800"}',
    ],
    ids=lambda body: repr(body[:30]),
)
def test_what_is_no_event_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed, match="this is no event"):
        parse(body, {})
