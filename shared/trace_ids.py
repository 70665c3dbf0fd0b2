"""Which trace a piece of work belongs to, and under which span: one trace per Batch, all stages.

A Batch's id is 26 letters of base 32 that hold 128 bits, as many as a trace id has: so all stages
agree on the trace without telling each other, and each id leads to the other one. A span's id is
derived from the work object's key, and the key says which stage wrote it: so each stage knows its
parent, however it was woken.
"""

import re
from collections.abc import Mapping
from contextlib import suppress

from shared import keys
from shared.ids import digest, is_batch_id

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_OF_A_BATCH = (keys.SUBMITTED, keys.VALIDATED, keys.DISPATCHED)
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-[0-9a-f]{2}(-.*)?"
)
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
        if found := parse_traceparent(headers.get(name, "")):
            return found[0]
    return ""


def parse_traceparent(text: str) -> tuple[str, str] | None:
    """(trace id, span id) in hex, or None if it is no `traceparent`."""
    match = _TRACEPARENT.fullmatch(text)
    return (match[1], match[2]) if match else None


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


def span_of_submit(batch: str) -> str:
    """The span of the submit that a Batch began with, 16 hex digits."""
    return _span("submit", batch)


def span_of_work(work_key: str) -> str:
    """The span of the run that carried this work object to its end."""
    return _span("work", work_key)


def parent_of_work(work_key: str) -> str:
    """The span that led to this work object; empty for what begins a trace, and for odd keys."""
    if not batch_of(work_key):
        return ""
    with suppress(ValueError):
        if work_key.startswith(keys.SUBMITTED):
            return span_of_submit(keys.parse_submitted(work_key))
        if work_key.startswith(keys.VALIDATED):
            return span_of_work(keys.submitted(keys.parse_validated(work_key)[0]))
        if work_key.startswith(keys.DISPATCHED):
            batch, bag, attempt = keys.parse_dispatched(work_key)
            before = keys.dispatched(batch, bag, attempt - 1)
            return span_of_work(before if attempt else keys.validated(batch, bag))
    return ""


def place_of_work(work_key: str) -> dict[str, str | int]:
    """What a key says about its work: `batch`, `bag`, `attempt`, each where there is one."""
    place: dict[str, str | int] = {}
    with suppress(ValueError):
        if batch := batch_of(work_key):
            place["batch"] = batch
        if work_key.startswith(keys.VALIDATED):
            place["bag"] = keys.parse_validated(work_key)[1]
        elif work_key.startswith(keys.DISPATCHED):
            _, place["bag"], place["attempt"] = keys.parse_dispatched(work_key)
    return place


def _span(*name: str) -> str:
    return digest("span", *name).hex()[:16]
