"""A month of mail, as it is asked about; and how a person writes its figures."""

import re
from math import isfinite
from typing import Literal, get_args

import msgspec

from shared.errors import Malformed

MONTH_S = 365.25 / 12 * 86_400
MOST_MAILS = 1e12
MOST_BATCH = 10_000_000
"""As `submit.max_recipients` allows at most."""
MOST_BYTES = 1_000_000_000

Events = Literal["webhook", "sqs", "none"]
EVENTS: tuple[Events, ...] = get_args(Events)
_COUNTS: dict[str, float] = {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "b": 1e9}
_BYTES: dict[str, float] = {
    "": 1,
    "b": 1,
    "kb": 1000,
    "mb": 1000**2,
    "gb": 1000**3,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
}


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent in a month."""

    mails: float
    batch_size: int = 1
    """Mean Recipients per Batch; 1: single messages."""
    size_bytes: float = 20_000
    """Of one mail as it is sent, on average."""
    events: Events = "webhook"
    """What wakes the functions: the bucket's webhook, its events in SQS, or the sweep alone."""
    keep_s: float = 30 * 86_400.0
    sweep_every_s: float = 0.0
    """By the process that always runs; 0: as `sweep.interval` is by default."""
    bag_time_s: float = 5.0
    """How long a full Bag takes to be sent. With twenty under way to a server that takes all at
    once, it was as long as this: a Batch of 10,000 then took 0.0395 requests per Delivery."""

    @property
    def gigabytes(self) -> float:
        """That leave in a month."""
        return self.mails * self.size_bytes / 1e9


def parse_count(text: str) -> float:
    """`1M`, `250k`, `1,000,000`. Raises `Malformed`."""
    count = _parse(text, _COUNTS, "a number like 1M, 250k or 1,000,000")
    if count > MOST_MAILS:
        raise Malformed(f"{text!r} is too many: at most {MOST_MAILS:,.0f}")
    return count


def parse_batch_size(text: str) -> int:
    """A whole number from 1. Raises `Malformed`."""
    size = parse_count(text)
    if not 1 <= size <= MOST_BATCH or size != int(size):
        raise Malformed(f"{text!r} is no size of a Batch: a whole number from 1 to {MOST_BATCH:,}")
    return int(size)


def parse_size(text: str) -> float:
    """`20KB`, `1.5MiB`, in bytes. Raises `Malformed`."""
    size_bytes = _parse(text, _BYTES, "a size like 20KB or 1.5MiB")
    if not 1 <= size_bytes <= MOST_BYTES:
        raise Malformed(f"{text!r} is no size of a mail: from 1 byte to 1GB")
    return size_bytes


def parse_events(text: str) -> Events:
    """Raises `Malformed`."""
    for known in EVENTS:
        if text == known:
            return known
    raise Malformed(f"{text!r} is none of {', '.join(EVENTS)}")


def _parse(text: str, units: dict[str, float], wanted: str) -> float:
    match = re.fullmatch(r"(\d{1,3}(?:,\d{3})+|\d{1,18})(\.\d{1,9})?\s*([A-Za-z]*)", text.strip())
    unit = match and units.get(match[3].lower())
    if not match or not unit or not match[0].isascii():
        raise Malformed(f"{text!r} is not {wanted}")
    value = float(match[1].replace(",", "") + (match[2] or "")) * unit
    if not isfinite(value):
        raise Malformed(f"{text!r} is not {wanted}")
    return value
