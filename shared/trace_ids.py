"""Which trace a piece of work belongs to: one per Batch, across all its stages.

A Batch's id is 26 letters of base 32 that hold 128 bits, as many as a trace id has: so all stages
agree on the trace without telling each other, and each id leads to the other one.
"""

import re
from collections.abc import Mapping

from shared import keys
from shared.ids import digest, is_batch_id

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_OF_A_BATCH = (keys.SUBMITTED, keys.VALIDATED, keys.DISPATCHED)
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")
"""W3C Trace Context §3.2.2: later versions may add something at the end."""


def batch_of(work_key: str) -> str:
    """The Batch that a work object belongs to; empty for what has none yet: uploads, reports."""
    if not work_key.startswith(_OF_A_BATCH):
        return ""
    batch = work_key.partition("/")[2][:26]
    return batch if is_batch_id(batch) else ""


def of_headers(headers: Mapping[str, str]) -> str:
    """What `traceparent` says, or CloudEvents' extension of that name; else empty."""
    for name in ("traceparent", "ce-traceparent"):
        match = _TRACEPARENT.fullmatch(headers.get(name, ""))
        if match:
            return match[1]
    return ""


def of_work(work_key: str) -> str:
    """The trace id of a work object, 32 hex digits: its Batch's, or one made from the key."""
    batch = batch_of(work_key)
    return of_batch(batch) if batch else digest("trace", work_key).hex()[:32]


def of_batch(batch: str) -> str:
    """The Batch's id as a number, in hex."""
    number = 0
    for letter in batch:
        number = number << 5 | _ALPHABET.index(letter)
    return f"{number:032x}"
