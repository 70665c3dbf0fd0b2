"""Ids: fixed width, lower case, in order of time, and they say where a thing lives.

A Batch id is 26 characters of Crockford's base 32: 48 bits of milliseconds, then 80 bits. The
Delivery `<batch>.<bag>.<n>` is row `n` of Bag `bag`. Nothing here reads a clock or draws a random
number: both come in as arguments, so that the same upload always becomes the same Batch.
"""

import hashlib
import hmac
import re
from base64 import b32encode

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_BATCH = re.compile(r"[0-7][0-9a-hjkmnp-tv-z]{25}")
_RETURN_PATH = re.compile(r"b-([0-9a-z]{26}\.\d{4}\.\d{4})-([a-z2-7]{16})", re.ASCII)
_DELIVERY = re.compile(r"([0-7][0-9a-hjkmnp-tv-z]{25})\.(\d{4})\.(\d{4})")


def batch_id(at: float, entropy: bytes) -> str:
    """The id of a Batch accepted at `at` (seconds since 1970), from 10 bytes of entropy."""
    number = (int(at * 1000) & (1 << 48) - 1) << 80 | int.from_bytes(entropy[:10])
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def time_of(batch: str) -> float:
    """When an id was made, in seconds since 1970; 0 if it is none."""
    if not is_batch_id(batch):
        return 0.0
    number = 0
    for letter in batch:
        number = number << 5 | _ALPHABET.index(letter)
    return (number >> 80) / 1000


def is_batch_id(text: str) -> bool:
    return _BATCH.fullmatch(text) is not None


def delivery_id(batch: str, bag: int, n: int) -> str:
    return f"{batch}.{bag:04d}.{n:04d}"


def parse_delivery(delivery: str) -> tuple[str, int, int] | None:
    """(batch, bag, n), or None if this is no Delivery id."""
    match = _DELIVERY.fullmatch(delivery)
    return (match[1], int(match[2]), int(match[3])) if match else None


def digest(*parts: str | bytes) -> bytes:
    """SHA-256 over the parts, each preceded by its length, so that parts cannot run together."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8))
        total.update(data)
    return total.digest()


def return_path(delivery: str, host: str, secret: bytes) -> str:
    """The address that bounces of this Delivery come back to: it proves that we wrote it.

    `b-<delivery>-<mac>@<host>`, where the MAC is 80 bits of HMAC-SHA256 in base 32. The local part
    has 55 characters (RFC 5321 §4.5.3.1.1 allows 64) and survives a change of case.
    """
    return f"b-{delivery}-{_mac(delivery, secret)}@{host}"


def parse_return_path(address: str) -> tuple[str, str] | None:
    """(Delivery, MAC) that an address claims, in any case of letters; None if it is no such one."""
    match = _RETURN_PATH.fullmatch(address.partition("@")[0].lower())
    return (match[1], match[2]) if match else None


def is_signed(delivery: str, mac: str, secret: bytes) -> bool:
    """Whether we wrote a return path with this MAC. Takes the same time for all that are wrong."""
    return hmac.compare_digest(mac.encode(), _mac(delivery, secret).encode())


def _mac(delivery: str, secret: bytes) -> str:
    return b32encode(hmac.digest(secret, delivery.encode(), "sha256")[:10]).decode().lower()


def unit_interval(name: str) -> float:
    """A number in [0, 1) that only depends on the name: for jitter that can be repeated."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6]) / (1 << 48)
