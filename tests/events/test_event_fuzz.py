"""Whatever comes: events, or `Malformed`, and nothing else."""

import json
from contextlib import suppress
from typing import Any

from event_samples import NAMES, sample
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.errors import Malformed
from shared.events import Event, Scope, parse

WORDS = [
    *("Records", "eventName", "eventSource", "s3", "bucket", "object", "key", "Key", "size"),
    *("EventName", "Event", "detail-type", "detail", "specversion", "type", "data", "Message"),
    *("data_base64", "TopicArn", "Type", "event_type", "message", "new_entry", "attributes"),
    *("extended", "is_directory", "file_size", "body", "name", "eTag", "Seaweed-X-Amz-ETag"),
]
VALUES = [
    *("ObjectCreated:Put", "s3:ObjectCreated:Put", "minio:s3", "s3:TestEvent", "Notification"),
    *("create", "/buckets/mail/inbox/x", "1.0", "Object Created", "e30=", "%ff%00", "inbox/x"),
]
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.sampled_from(VALUES)
)
names = st.one_of(st.sampled_from(WORDS), st.text(max_size=5))
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6),
    max_leaves=30,
)
headers = st.dictionaries(
    st.sampled_from(["content-type", "ce-specversion", "ce-type", "ce-id"]), st.text()
)


def read(body: bytes, named: dict[str, str]) -> None:
    with suppress(Malformed):
        events = parse(body, named)
        assert all(isinstance(event, Event) for event in events)
        Scope("send", "mail", "prefix/").sort(events)


@given(st.binary(), headers)
@example(b'{"key": ' + b"9" * 5000 + b"}", {})
def test_any_bytes(body: bytes, named: dict[str, str]) -> None:
    read(body, named)


@given(json_values, headers)
def test_any_json(value: Any, named: dict[str, str]) -> None:
    read(json.dumps(value).encode(), named)


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(NAMES), data=st.data())
def test_a_sample_with_one_part_exchanged(name: str, data: st.DataObject) -> None:
    its = sample(name)
    value = json.loads(its.body)
    places = list(_places(value))
    if places:
        holder, place = data.draw(st.sampled_from(places))
        holder[place] = data.draw(json_values)
    read(json.dumps(value).encode(), its.headers)


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(NAMES), data=st.data())
def test_a_sample_that_broke_on_the_way(name: str, data: st.DataObject) -> None:
    its = sample(name)
    body = bytearray(its.body)
    at = data.draw(st.integers(0, len(body) - 1))
    body[at : at + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=4))
    read(bytes(body), its.headers)


def _places(value: Any) -> Any:
    """Every (container, index or name) in a JSON value."""
    if isinstance(value, dict | list):
        for place in value if isinstance(value, dict) else range(len(value)):
            yield value, place
            yield from _places(value[place])
