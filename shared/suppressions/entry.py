"""One suppressed address. Pure."""

import hashlib
from collections.abc import Container

import msgspec

from shared.address import domain_of, identity
from shared.errors import Malformed

HARD_BOUNCE, COMPLAINT, UNSUBSCRIBED, MANUAL = REASONS = (
    "hard_bounce",
    "complaint",
    "unsubscribed",
    "manual",
)
DIGEST_CHARS = 40
_FORGOTTEN = "deleted:"
PREFIX_CHARS = 16
"""64 bits of the digest are looked up. Of 1,000,000 addresses one is taken for another's with a
chance of 5 in 10¹⁴; it would not be written to. Never is a suppressed one overlooked."""


class Suppression(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An address that a Domain must not write to any more."""

    email: str
    """Empty where the person's data was deleted: then `digest` alone says who it is."""
    reason: str
    """`hard_bounce`, `complaint`, `unsubscribed` or `manual`."""
    at: float
    delivery: str = ""
    """The Delivery that gave cause."""
    digest: str = ""
    """Of the address, where `email` is empty."""


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Suppression)


def digest(address: str) -> str:
    """The same for all spellings of an address, also for what stands for a forgotten one."""
    if address.startswith(_FORGOTTEN):
        said = address[len(_FORGOTTEN) :].partition("@")[0]
        if is_digest(said):
            return said
    return hashlib.sha256(identity(address).encode("utf-8", "replace")).hexdigest()[:DIGEST_CHARS]


def forgotten(address: str) -> str:
    """What stands for an address in old records when the person's data is deleted.

    It is no mail address, so nothing is ever sent to it. Its digest is that of the address: a
    complaint about an old mail, or an unsubscribe in it, still ends what is sent to the person.
    """
    return f"{_FORGOTTEN}{digest(address)}@{domain_of(address)}"


def is_forgotten(address: str) -> bool:
    return address.startswith(_FORGOTTEN)


def digest_of(entry: Suppression) -> str:
    return digest(entry.email) if entry.email else entry.digest


def prefix(of_digest: str) -> int:
    """The part of a digest that is looked up and sorted by."""
    return int(of_digest[:PREFIX_CHARS], 16)


def is_digest(text: str) -> bool:
    return len(text) == DIGEST_CHARS and not set(text) - set("0123456789abcdef")


def mark(body: bytes) -> str:
    """Part of a fresh entry's key: what was folded is deleted by its key, and whatever was added
    meanwhile for the same address says something else, so it stays."""
    return hashlib.sha256(body).hexdigest()[:8]


def encode(entry: Suppression) -> bytes:
    """One line, without its end."""
    return _ENCODER.encode(entry)


def decode(line: bytes) -> Suppression:
    """Raises `Malformed`."""
    try:
        entry = _DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed(f"this is no suppression: {error}") from error
    if not entry.email and not is_digest(entry.digest):
        raise Malformed("a suppression has neither an address nor a digest")
    return entry


def decode_fresh(body: bytes, of_digest: str, modified: float) -> Suppression:
    """An object whose key says the digest: it counts, whatever stands in it."""
    try:
        entry = decode(body)
    except Malformed:
        return Suppression(email="", reason=MANUAL, at=modified, digest=of_digest)
    return entry if digest_of(entry) == of_digest else nameless_as(entry, of_digest)


def nameless_as(entry: Suppression, of_digest: str) -> Suppression:
    return Suppression(email="", reason=entry.reason, at=entry.at, digest=of_digest)


def nameless(entry: Suppression) -> Suppression:
    """The entry without anything that says whose it is to who does not know the address."""
    return nameless_as(entry, digest_of(entry))


def is_suppressed(address: str, suppressed: Container[str]) -> bool:
    """`suppressed`: digests. Nothing is reckoned where there are none."""
    return bool(suppressed) and digest(address) in suppressed
