"""A Domain's keys that sign tracked URLs: made, replaced, forgotten when no token needs them."""

import secrets
from collections.abc import Mapping
from functools import lru_cache

import msgspec

from shared import keys
from shared.errors import AlreadyExists, NotFound
from shared.store.base import Store
from shared.tracking_tokens import LIFETIME_DAYS, SigningKey

KEPT_S = (LIFETIME_DAYS + 92) * 86_400.0
"""From when a key was replaced: a Batch may be due up to 90 days after it was accepted."""
MOST_KEYS = 256


class TrackingKey(msgspec.Struct, frozen=True):
    id: int
    secret: str
    """Hex."""
    created_at: float


class TrackingKeys(msgspec.Struct, frozen=True):
    """`domains/<domain>/tracking.json`: the last one signs, all verify."""

    keys: list[TrackingKey]

    @property
    def signing(self) -> SigningKey:
        newest = self.keys[-1]
        return SigningKey(newest.id, bytes.fromhex(newest.secret))

    @property
    def secrets(self) -> Mapping[int, bytes]:
        return {key.id: bytes.fromhex(key.secret) for key in self.keys}


def decode(body: bytes) -> TrackingKeys:
    return msgspec.json.decode(body, type=TrackingKeys)


@lru_cache(maxsize=256)
def secrets_of(body: bytes) -> Mapping[int, bytes]:
    """Id → secret, of all that verify: each open and each click asks."""
    return decode(body).secrets


def renewed(before: TrackingKeys | None, now: float) -> TrackingKeys:
    """With one more key, without those that no token can need."""
    old = before.keys if before else []
    # A key was in use until the next one was made.
    until = [*(later.created_at for later in old[1:]), now][: len(old)]
    kept = [key for key, end in zip(old, until, strict=True) if end > now - KEPT_S]
    fresh_id = (old[-1].id + 1) % MOST_KEYS if old else 0
    return TrackingKeys([*kept[1 - MOST_KEYS :], TrackingKey(fresh_id, secrets.token_hex(32), now)])


async def ensure(store: Store, domain: str, now: float) -> None:
    """Make the first key, if there is none."""
    try:
        await store.create(keys.domain_tracking(domain), msgspec.json.encode(renewed(None, now)))
    except AlreadyExists:
        return


async def rotate(store: Store, domain: str, now: float) -> None:
    """Sign with a fresh key from now on. Raises `Changed` when another rotates just now."""
    place = keys.domain_tracking(domain)
    try:
        found = await store.get(place)
    except NotFound:
        await ensure(store, domain, now)
        return
    body = msgspec.json.encode(renewed(decode(found.body), now))
    await store.replace(place, body, found.etag)
