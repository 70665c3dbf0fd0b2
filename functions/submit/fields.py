"""What the fields of a Recipient, or of the whole Batch, may hold. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.address import is_printable

MAX_DEPTH = 32
"""Of lists and objects in each other. Every stage has to be able to read what submit accepted."""
MAX_HEADER_CHARS = 998
"""A field in the subject is part of one header field (RFC 5322 §2.1.1)."""

_NUL = b"\\u0000"  # JSON has no other way to write it


def can_be_sent(fields: Mapping[str, Any], encoded: bytes) -> bool:
    """Whether every stage and every mail can carry them: no NUL, and nested within reason.

    `encoded` is the JSON that they came in, for a quick look.
    """
    suspect = encoded.count(b"[") + encoded.count(b"{") > MAX_DEPTH or _NUL in encoded
    return not suspect or _is_sound(fields)


def _is_sound(fields: Mapping[str, Any]) -> bool:
    level: list[Any] = [fields]
    for _ in range(MAX_DEPTH):
        texts = [text for value in level for text in _texts(value)]
        if any("\x00" in text for text in texts):
            return False
        level = [inner for value in level for inner in _inner(value)]
        if not level:
            return True
    return False


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        return (value,)
    return value if isinstance(value, dict) else ()


def _inner(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def fit_headers(fields: Mapping[str, Any], names: Iterable[str]) -> bool:
    """Whether these fields can stand in a header: one line, and not a page long.

    What is nested in them, `dispatch` looks at when it has rendered the subject.
    """
    values = (fields[name] for name in names)
    texts = (value for value in values if isinstance(value, str))
    return all(is_printable(text) and len(text) <= MAX_HEADER_CHARS for text in texts)
