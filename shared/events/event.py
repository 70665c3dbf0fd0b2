"""What all formats of events are read to."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """An object was created. It may be told twice, late, or never; the bucket has the truth."""

    bucket: str
    """Empty if the sender did not say: then `key` is one of Ekiden's own keys."""
    key: str
    size_bytes: int | None = None
    etag: str = ""
    body: bytes | None = None
    """The object itself, if it rode along. Only to be believed from who has the token."""
    hurry: bool = False
    """The sender tells nobody anything else before it has our answer (the webhooks of MinIO and
    of SeaweedFS's filer)."""


def size_of(value: Any) -> int | None:
    """A size as engines write it: a number, or digits in a text (Ceph)."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        value = int(value)
    return value if type(value) is int and value >= 0 else None


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else ""
