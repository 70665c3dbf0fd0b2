"""What woke a function: an event is a key, whatever clothes it comes in."""

import json
from random import Random
from typing import Any

import pytest
from desk import BATCH, DOMAIN, Desk

from functions.submit import inbox
from shared import face
from shared.errors import Malformed
from shared.events import keys_of
from shared.http import Request
from shared.store.wrap import FlakyStore

KEY = "inbox/example.org/a name+ü.json"
S3 = {"Records": [{"s3": {"object": {"key": "inbox/example.org/a+name%2B%C3%BC.json"}}}]}


@pytest.mark.parametrize(
    "event",
    [
        {"key": KEY},
        {"key": KEY, "etag": "x", "more": []},
        S3,
        {"EventName": "s3:ObjectCreated:Put", "Key": "bucket/x", **S3},
        {"specversion": "1.0", "type": "com.amazonaws.s3.ObjectCreated:Put", "data": S3},
        {"specversion": "1.0", "data": {"key": KEY}},
        {"data": {"data": S3}},
    ],
    ids=["key", "key and more", "S3", "MinIO", "CloudEvent of S3", "CloudEvent", "wrapped twice"],
)
def test_the_key_is_found(event: Any) -> None:
    assert keys_of(json.dumps(event).encode()) == [KEY]


def test_an_event_may_name_many_keys_or_none() -> None:
    assert keys_of(b'{"Records": []}') == []
    both = {"Records": [{"s3": {"object": {"key": key}}} for key in ("b", "a")]}
    assert keys_of(json.dumps(both).encode()) == ["b", "a"]


@pytest.mark.parametrize(
    "record", [None, 1, "x", [], {}, {"s3": None}, {"s3": {"object": {"key": 1}}}]
)
def test_a_record_without_a_key_is_passed_over(record: Any) -> None:
    assert keys_of(json.dumps({"Records": [record, S3["Records"][0]]}).encode()) == [KEY]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"1",
        b"{}",
        b'{"key": 1}',
        b'{"Records": {}}',
        b'{"data": "x"}',
        b'{"data":' * 900 + b"{}" + b"}" * 900,
        b'{"data":' * 5000 + b"{}" + b"}" * 5000,
        b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_event_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed, match="this is no event"):
        keys_of(body)


# How a function answers an event (Knative's Broker: 2xx done, 4xx never again, 5xx once more).


def answered(desk: Desk, body: bytes, store: Any = None) -> int:
    handler = face.events(inbox.stage(desk.core), store or desk.store)
    return desk.do(handler(Request("POST", "/", body=body))).status  # type: ignore[arg-type]


def uploaded() -> Desk:
    desk = Desk()
    desk.do(desk.store.put(f"inbox/{DOMAIN}/one.json", json.dumps(BATCH).encode()))
    return desk


NAMED = json.dumps({"key": f"inbox/{DOMAIN}/one.json"}).encode()


def test_an_event_is_answered_204_with_an_empty_body_when_its_work_is_done() -> None:
    desk = uploaded()
    assert answered(desk, NAMED) == 204
    assert len(desk.keys("submitted/")) == 1


def test_an_event_that_comes_again_is_answered_204() -> None:
    desk = uploaded()
    assert [answered(desk, NAMED), answered(desk, NAMED)] == [204, 204]
    assert len(desk.keys("submitted/")) == 1


def test_an_event_for_another_stage_or_for_nobody_is_answered_204() -> None:
    desk = uploaded()
    before = desk.work()
    for key in ("submitted/x.json", "batches/x/content.json", "", "../x", "inbox"):
        assert answered(desk, json.dumps({"key": key}).encode()) == 204
    assert desk.work() == before


def test_what_is_no_event_is_answered_400() -> None:
    assert answered(Desk(), b"{}") == 400


def test_work_that_goes_to_failed_is_answered_204_for_it_is_dealt_with() -> None:
    desk = Desk()
    desk.do(desk.store.put(f"inbox/{DOMAIN}/one.json", b"{"))
    assert answered(desk, NAMED) == 204
    assert desk.work() == [f"failed/submit/inbox/{DOMAIN}/one.json.json"]


def test_while_the_store_is_away_the_answer_is_503() -> None:
    desk = uploaded()
    before = desk.work()
    assert answered(desk, NAMED, FlakyStore(desk.store, Random(1), rate=1)) == 503
    assert desk.work() == before
