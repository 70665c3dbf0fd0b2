"""Which names of objects can be keys at all. A bucket may hold others: whoever may write to it can
put them there, and no S3 client of ours can then read them.
"""

import re

MOST_KEY_BYTES = 1024
"""S3's limit; a request for a longer one is refused."""

_UNREADABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]|(?:^|/)\.{0,2}(?=/|$)")
"""ASCII control characters, lone surrogates (no UTF-8), parts that are empty, `.` or `..`."""
_CLIMBING = re.compile(r"(?:^|[/\\])\.\.?(?=[/\\]|$)")
"""SeaweedFS takes a backslash for a slash, and refuses to look there."""


def is_readable(key: str) -> bool:
    """Whether the store can be asked for this key."""
    return not _UNREADABLE.search(key)


def is_possible(key: str) -> bool:
    """Whether every store answers a request for it: with the object, or that there is none."""
    if not is_readable(key) or _CLIMBING.search(key):
        return False
    return len(key.encode()) <= MOST_KEY_BYTES
