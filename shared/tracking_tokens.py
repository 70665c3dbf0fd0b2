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
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from shared.ids import parse_delivery
from shared.tracking import LEVELS, Level

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

OPEN, CLICK, UNSUBSCRIBE = KINDS = ("o", "c", "u")
"""Also the paths: `/o/<token>`."""
LIFETIME_DAYS = 92
LONGEST = 4096
"""Characters. Longer URLs do not survive all mail programs, and are not rewritten."""
_MAC_BYTES = 12
_PSEUDONYM_BYTES = 8
_NAMES_THE_DELIVERY = Level.IDENTIFIED.rank
_DAY_S = 86_400
_BLOCK_BYTES = 64
"""Of SHA-256; our keys have half as many."""
_INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_FROM_URL_SAFE = bytes.maketrans(b"-_+/", b"+/!!")
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_PAIR_SHIFTS = range(120, -1, -10)


class Forged(Exception):
    """This is no token of ours, or no longer. Never says which."""


class Token(msgspec.Struct, frozen=True):
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
    due_day: float = 0.0
    """The day on which the Batch was due: its midnight, seconds since 1970."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A Domain's key that signs now."""

    id: int
    """0 to 255."""
    secret: bytes


@lru_cache(maxsize=256)
def _blocks(secret: bytes) -> "tuple[Hash, Hash]":
    """HMAC (RFC 2104 §4): the key's two blocks, hashed once. A mail has a token for each link."""
    block = secret.ljust(_BLOCK_BYTES, b"\0")
    return sha256(block.translate(_INNER_PAD)), sha256(block.translate(_OUTER_PAD))


def _mac(begun: "Hash", outer: "Hash", rest: bytes) -> bytes:
    """Of what `begun` has seen, and the rest."""
    inner, mac = begun.copy(), outer.copy()
    inner.update(rest)
    mac.update(inner.digest())
    return mac.digest()[:_MAC_BYTES]


class Signer:
    """Makes the tokens of one Batch. `due_at` in seconds since 1970."""

    def __init__(self, key: SigningKey, domain: str, batch: str, due_at: float) -> None:
        self._key = key
        self._inner, self._outer = _blocks(key.secret)
        day = (int(due_at) // _DAY_S + LIFETIME_DAYS).to_bytes(2)
        name = domain.encode("ascii")
        self._same = bytes([key.id]) + day + bytes([len(name)]) + name + _number(batch)

    def token(self, kind: str, level: Level, delivery: str, url: str = "") -> str:
        return self.tokens(kind, level, delivery)(url)

    def tokens(self, kind: str, level: Level, delivery: str) -> Callable[[str], str]:
        """URL → token, for all links of one mail."""
        head = bytes([ord(kind), level.rank]) + self._same + self._who(kind, level, delivery)
        begun, outer = self._inner.copy(), self._outer
        begun.update(head)

        def token(url: str) -> str:
            rest = url.encode()
            data = b2a_base64(head + rest + _mac(begun, outer, rest), newline=False)
            return data.translate(_URL_SAFE, b"=").decode("ascii")

        return token

    def _who(self, kind: str, level: Level, delivery: str) -> bytes:
        if kind == UNSUBSCRIBE or level.rank >= _NAMES_THE_DELIVERY:
            return _place(delivery)
        if level is Level.PSEUDONYMOUS:
            name = b"pseudonym" + delivery.encode()
            return hmac.digest(self._key.secret, name, "sha256")[:_PSEUDONYM_BYTES]
        return b""


def domain_of(text: str) -> str:
    """The Domain that a token names, not yet proven. Raises `Forged`."""
    data = _decoded(text)
    try:
        return data[6 : 6 + data[5]].decode("ascii")
    except (IndexError, UnicodeDecodeError) as error:
        raise Forged from error


def key_id_of(text: str) -> int:
    """The number of the key that is said to have signed it. Raises `Forged`."""
    data = _decoded(text)
    if len(data) < 3:
        raise Forged
    return data[2]


def verified(text: str, kind: str, secrets: Mapping[int, bytes], now: float) -> Token:
    """What a token says, if one of these keys (id → secret) signed it. Raises `Forged`."""
    data = _decoded(text)
    payload, mac = data[:-_MAC_BYTES], data[-_MAC_BYTES:]
    secret = secrets.get(payload[2] if len(payload) > 6 else -1)
    if secret is None:
        raise Forged
    if not hmac.compare_digest(_mac(*_blocks(secret), payload), mac):
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
    if kind == UNSUBSCRIBE or payload[1] >= _NAMES_THE_DELIVERY:
        bag, n = int.from_bytes(rest[:2]), int.from_bytes(rest[2:4])
        delivery, rest = f"{batch}.{bag:04d}.{n:04d}", rest[4:]
    elif level is Level.PSEUDONYMOUS:
        pseudonym, rest = rest[:_PSEUDONYM_BYTES].hex(), rest[_PSEUDONYM_BYTES:]
    domain = payload[6:end].decode("ascii")
    due_day = float((int.from_bytes(payload[3:5]) - LIFETIME_DAYS) * _DAY_S)
    return Token(kind, level, domain, batch, delivery, pseudonym, rest.decode(), due_day)


@lru_cache(maxsize=64)  # a token is decoded for its Domain, and again when there is the key
def _decoded(text: str) -> bytes:
    if not text.isascii() or len(text) > LONGEST:
        raise Forged
    written = text.encode()
    try:
        data = a2b_base64(written.translate(_FROM_URL_SAFE) + b"=" * (-len(text) % 4))
    except ValueError as error:
        raise Forged from error
    # One token has one spelling: what a decoder overlooks would be a second one.
    if b2a_base64(data, newline=False).translate(_URL_SAFE, b"=") != written:
        raise Forged
    return data


@lru_cache(maxsize=64)
def _number(batch: str) -> bytes:
    number = 0
    for letter in batch:
        number = number << 5 | _ALPHABET.index(letter)
    return number.to_bytes(16)


@lru_cache(maxsize=1024)
def _batch(data: bytes) -> str:
    number = int.from_bytes(data)
    return "".join([_PAIRS[number >> shift & 1023] for shift in _PAIR_SHIFTS])


def _place(delivery: str) -> bytes:
    place = parse_delivery(delivery)
    assert place is not None, delivery
    return place[1].to_bytes(2) + place[2].to_bytes(2)
