"""What woke a function: an event is a key, whatever clothes it comes in.

    {"key": "validated/…"}                             a person, a script, another function
    {"Records": [{"s3": {"object": {"key": …}}}]}      S3 notifications, MinIO's webhook
    CloudEvents 1.0 whose data is one of these

An event may come twice, late, or not at all; only the key matters, the bucket has the truth.
"""

from typing import Any
from urllib.parse import unquote_plus

import msgspec

from shared.errors import Malformed

_MAX_WRAPPED = 4
"""An event in a CloudEvent in another one: more is no event, but an attack."""


def keys_of(body: bytes) -> list[str]:
    """The keys that an event names, in its order. Raises `Malformed` for what is no event."""
    try:
        event = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"this is no event: {error}") from error
    found = _keys(event)
    if found is None:
        raise Malformed("this is no event: neither 'key' nor 'Records'")
    return found


def _keys(event: Any) -> list[str] | None:
    for _ in range(_MAX_WRAPPED):
        if not isinstance(event, dict):
            return None
        if event.get("Event") == "s3:TestEvent":  # what a new notification sends first
            return []
        if isinstance(event.get("Records"), list):
            return [key for record in event["Records"] if (key := _of_record(record))]
        if isinstance(event.get("key"), str):
            return [event["key"]]
        event = event.get("data")
    return None


def _of_record(record: Any) -> str | None:
    """S3 encodes keys like a form (facts: `unquote_plus` decodes what every engine sends)."""
    try:
        return unquote_plus(record["s3"]["object"]["key"])
    except (KeyError, TypeError, AttributeError):
        return None
