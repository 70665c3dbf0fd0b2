"""The webhook of SeaweedFS's filer: one for all that happens in it, folders included.

{"event_type": "create", "key": "/buckets/<bucket>/<key>", "message": {"new_entry": …}}
"""

import base64
from typing import Any

from shared.events.event import Event, size_of

_BUCKETS = "/buckets/"


def read_filer(value: dict[str, Any]) -> list[Event] | None:
    """A file that was created in a bucket. Renames, updates, deletes and folders are nothing."""
    kind, path = value.get("event_type"), value.get("key")
    if not isinstance(kind, str) or not isinstance(path, str):
        return None
    entry = _part(_part(value, "message"), "new_entry")
    bucket, slash, key = path.removeprefix(_BUCKETS).partition("/")
    is_object = path.startswith(_BUCKETS) and slash and not entry.get("is_directory")
    if kind != "create" or not is_object:
        return []
    attributes, extended = _part(entry, "attributes"), _part(entry, "extended")
    # An empty file has no size here.
    size_bytes = size_of(attributes.get("file_size", 0 if attributes else None))
    etag = _etag(extended.get("Seaweed-X-Amz-ETag"))
    return [Event(bucket, key, size_bytes, etag, hurry=True)]  # it has five workers, and no retry


def _part(value: dict[str, Any], name: str) -> dict[str, Any]:
    part = value.get(name)
    return part if isinstance(part, dict) else {}


def _etag(encoded: Any) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode("ascii")
    except (ValueError, TypeError):
        return ""
