"""Envelopes around an event: what is inside counts.

CloudEvents 1.0, structured: {"specversion": "1.0", "type": …, "data": …}   (or "data_base64")
CloudEvents 1.0, binary: headers `ce-…`, and the data as the body
SNS: {"Type": "Notification", "Message": "<JSON>", …}
"""

import base64
from collections.abc import Mapping
from typing import Any

from shared.errors import Malformed
from shared.events.notification import is_creation

NOTHING: list[Any] = []
"""An envelope whose inside does not matter: it holds no events."""

_S3_TYPE = "com.amazonaws.s3."


def unwrap(value: dict[str, Any]) -> Any:
    """What an envelope holds, or None if this is none. Raises `Malformed`."""
    if isinstance(value.get("specversion"), str):
        return _unwrap_cloud_event(value)
    if isinstance(value.get("TopicArn"), str) and isinstance(value.get("Type"), str):
        return _unwrap_sns(value)
    return None


def is_of_no_interest(headers: Mapping[str, str]) -> bool:
    """Whether the headers of a binary CloudEvent say that no object was created."""
    return "ce-specversion" in headers and not _may_create(headers.get("ce-type"))


def _may_create(kind: Any) -> bool:
    """S3's own types say what happened; all others leave it to the data."""
    if not isinstance(kind, str) or not kind.startswith(_S3_TYPE):
        return True
    return is_creation(kind.removeprefix(_S3_TYPE))


def _unwrap_cloud_event(value: dict[str, Any]) -> Any:
    if not _may_create(value.get("type")):
        return NOTHING
    encoded = value.get("data_base64")
    if not isinstance(encoded, str):
        return value.get("data")
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise Malformed("this is no event: data_base64 is no base 64") from error


def _unwrap_sns(value: dict[str, Any]) -> Any:
    # The URL of a SubscriptionConfirmation is not fetched: anybody could send us anywhere.
    return value.get("Message") if value["Type"] == "Notification" else NOTHING
