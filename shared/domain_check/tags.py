"""`name=value; name=value`: the form of DKIM and DMARC records (RFC 6376 §3.2). Pure."""

import re
from collections.abc import Mapping, Sequence

_TAG = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*=\s*(.*?)\s*", re.DOTALL)
_BLANKS = re.compile(r"\s+")


def parse_tags(text: str) -> Mapping[str, str] | None:
    """By name, in their order; None if it is no such list. Names count as written (§3.2)."""
    parts = text.split(";")
    if parts and not parts[-1].strip():
        parts.pop()  # one may stand at the end
    found: dict[str, str] = {}
    for part in parts:
        match = _TAG.fullmatch(part)
        if match is None or match[1] in found:  # §3.2: twice is once too often
            return None
        found[match[1]] = match[2]
    return found or None


def compact(value: str) -> str:
    """Without the blanks that may stand in base 64."""
    return _BLANKS.sub("", value)


def begins(version: str, texts: Sequence[str]) -> list[str]:
    """The records whose first tag is `v=<version>`."""
    pattern = re.compile(rf"\s*v\s*=\s*{re.escape(version)}\s*(?:;.*)?", re.DOTALL)
    return [text for text in texts if pattern.fullmatch(text)]
