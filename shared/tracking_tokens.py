"""The tokens in tracked URLs: what they say, signed. Pure.

A token is the URL-safe base 64 of

    kind  level  key id  expiry  domain      batch   who                      url      MAC
    1     1      1       2       1 + length  16      0, 8 (pseudonym), 4      the rest 12 bytes

It carries all that is needed to answer, so that no state is read but the Domain's keys: no address,
no name. The MAC is the first 96 bits of HMAC-SHA256 over all before it, by a key of the Domain; so
nobody redirects to what was not signed, and a token of one kind or Domain is none of another. The
same Delivery always gets the same tokens (X5): the expiry counts from when the Batch is due, and a
pseudonym is derived from the key.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from shared.ids import parse_delivery
from shared.tracking import LEVELS, Level

OPEN, CLICK, UNSUBSCRIBE = KINDS = ("o", "c", "u")
"""Also the paths: `/o/<token>`."""
LIFETIME_DAYS = 92
LONGEST = 4096
"""Characters. Longer URLs do not survive all mail programs, and are not rewritten."""
_MAC_BYTES = 12
_PSEUDONYM_BYTES = 8
_DAY_S = 86_400
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


class Forged(Exception):
    """This is no token of ours, or no longer. Never says which."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says."""

    kind: str
    level: Level
    domain: str
    batch: str
    delivery: str = ""
    """Only if the level is identified or full, or it is for unsubscribing."""
    pseudonym: str = ""
    """Hex; only if the level is pseudonymous."""
    url: str = ""
    """Where a click leads."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A Domain's key that signs now."""

    id: int
    """0 to 255."""
    secret: bytes


class Signer:
    """Makes the tokens of one Batch. `due_at` in seconds since 1970."""

    def __init__(self, key: SigningKey, domain: str, batch: str, due_at: float) -> None:
        self._key = key
        day = (int(due_at) // _DAY_S + LIFETIME_DAYS).to_bytes(2)
        name = domain.encode("ascii")
        self._same = bytes([key.id]) + day + bytes([len(name)]) + name + _number(batch)

    def token(self, kind: str, level: Level, delivery: str, url: str = "") -> str:
        head = bytes([ord(kind), level.rank]) + self._same
        return self._signed(head + self._who(kind, level, delivery) + url.encode())

    def _who(self, kind: str, level: Level, delivery: str) -> bytes:
        if kind == UNSUBSCRIBE or level.rank >= Level.IDENTIFIED.rank:
            return _place(delivery)
        if level is Level.PSEUDONYMOUS:
            name = b"pseudonym" + delivery.encode()
            return hmac.digest(self._key.secret, name, "sha256")[:_PSEUDONYM_BYTES]
        return b""

    def _signed(self, payload: bytes) -> str:
        mac = hmac.digest(self._key.secret, payload, "sha256")[:_MAC_BYTES]
        return urlsafe_b64encode(payload + mac).rstrip(b"=").decode("ascii")


def domain_of(text: str) -> str:
    """The Domain that a token names, not yet proven. Raises `Forged`."""
    data = _decoded(text)
    try:
        return data[6 : 6 + data[5]].decode("ascii")
    except (IndexError, UnicodeDecodeError) as error:
        raise Forged from error


def verified(text: str, kind: str, secrets: Mapping[int, bytes], now: float) -> Token:
    """What a token says, if one of these keys (id → secret) signed it. Raises `Forged`."""
    data = _decoded(text)
    payload, mac = data[:-_MAC_BYTES], data[-_MAC_BYTES:]
    secret = secrets.get(payload[2] if len(payload) > 6 else -1)
    if secret is None:
        raise Forged
    if not hmac.compare_digest(hmac.digest(secret, payload, "sha256")[:_MAC_BYTES], mac):
        raise Forged
    # Signed by us, so it has our form.
    if payload[0] != ord(kind) or int.from_bytes(payload[3:5]) * _DAY_S <= now:
        raise Forged
    return _read(payload)


def _read(payload: bytes) -> Token:
    kind, level = chr(payload[0]), LEVELS[payload[1]]
    end = 6 + payload[5]
    batch = _batch(payload[end : end + 16])
    rest = payload[end + 16 :]
    delivery = pseudonym = ""
    if kind == UNSUBSCRIBE or level.rank >= Level.IDENTIFIED.rank:
        bag, n = int.from_bytes(rest[:2]), int.from_bytes(rest[2:4])
        delivery, rest = f"{batch}.{bag:04d}.{n:04d}", rest[4:]
    elif level is Level.PSEUDONYMOUS:
        pseudonym, rest = rest[:_PSEUDONYM_BYTES].hex(), rest[_PSEUDONYM_BYTES:]
    domain = payload[6:end].decode("ascii")
    return Token(kind, level, domain, batch, delivery, pseudonym, rest.decode())


def _decoded(text: str) -> bytes:
    if not text.isascii() or len(text) > LONGEST:
        raise Forged
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise Forged from error
    # One token has one spelling: what a decoder overlooks would be a second one.
    if urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise Forged
    return data


@lru_cache(maxsize=64)
def _number(batch: str) -> bytes:
    number = 0
    for letter in batch:
        number = number << 5 | _ALPHABET.index(letter)
    return number.to_bytes(16)


def _batch(data: bytes) -> str:
    number = int.from_bytes(data)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def _place(delivery: str) -> bytes:
    place = parse_delivery(delivery)
    assert place is not None, delivery
    return place[1].to_bytes(2) + place[2].to_bytes(2)
