"""Notifications in the form that S3 gave them, as AWS, MinIO, Ceph and others send them.

{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": …, "object": …}}]}
{"EventName": "s3:ObjectCreated:Put", "Key": "<bucket>/<key>", "Records": [one]}   MinIO
{"Service": "Amazon S3", "Event": "s3:TestEvent", …}           what a new notification sends first
{"detail-type": "Object Created", "detail": {"bucket": …, "object": …}}            EventBridge
"""

from typing import Any
from urllib.parse import unquote_plus

from shared.events.event import Event, size_of, text_of

CREATIONS = frozenset(
    f"ObjectCreated:{kind}" for kind in ("Put", "Post", "Copy", "CompleteMultipartUpload")
)
"""MinIO's `ObjectCreated:*` also comes when an object is tagged or retained: that is no work."""


def is_creation(event_name: str) -> bool:
    """`event_name` as AWS writes it, or with MinIO's `s3:` in front."""
    return event_name.removeprefix("s3:") in CREATIONS


def read_records(value: dict[str, Any]) -> list[Event] | None:
    """The creations among the records; one that cannot be read is passed over."""
    records = value.get("Records")
    if not isinstance(records, list):
        return None
    hurry = "EventName" in value and "Key" in value
    return [event for each in records if (event := _of_record(each, hurry))]


def read_record(value: dict[str, Any]) -> list[Event] | None:
    """A record on its own, as adapters to CloudEvents put it into `data`."""
    if not isinstance(value.get("s3"), dict):
        return None
    event = _of_record(value, hurry=False)
    return [event] if event else []


def read_test_message(value: dict[str, Any]) -> list[Event] | None:
    return [] if value.get("Event") == "s3:TestEvent" else None


def read_event_bridge(value: dict[str, Any]) -> list[Event] | None:
    """EventBridge writes the key as it is."""
    kind, detail = value.get("detail-type"), value.get("detail")
    if not isinstance(kind, str) or not isinstance(detail, dict):
        return None
    event = _of_object(detail, decoded=True) if kind == "Object Created" else None
    return [event] if event else []


def _of_record(record: Any, hurry: bool) -> Event | None:
    if not isinstance(record, dict) or not isinstance(record.get("s3"), dict):
        return None
    if not is_creation(text_of(record.get("eventName"))):
        return None
    # MinIO encodes the key for its targets, and leaves it as it is for who listens to it. When
    # it encodes, no slash stays: and every work object's key has one.
    minio = record.get("eventSource") == "minio:s3"
    return _of_object(record["s3"], decoded=minio, hurry=hurry)


def _of_object(place: dict[str, Any], decoded: bool, hurry: bool = False) -> Event | None:
    """`decoded`: a key with a slash is as it should be. Others are encoded like a form."""
    bucket, object_ = place.get("bucket"), place.get("object")
    if not isinstance(object_, dict) or not isinstance(object_.get("key"), str):
        return None
    key: str = object_["key"]
    if not (decoded and "/" in key):
        key = unquote_plus(key)
    return Event(
        bucket=text_of(bucket.get("name")) if isinstance(bucket, dict) else "",
        key=key,
        size_bytes=size_of(object_.get("size")),
        etag=text_of(object_.get("eTag") or object_.get("etag")),
        hurry=hurry,
    )
