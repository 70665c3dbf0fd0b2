"""`Idempotency-Key`: the same call sent twice becomes one Batch (feature P1).

The record pins the Batch's id and time before the Batch is put. So a repeat, or two at once, all
write the same object under the same key, and a call that died between record and Batch is carried
through by its repeat. A repeat that comes after the Batch has moved on finds it by its content.
"""

import msgspec

from shared import keys
from shared.errors import AlreadyExists, NotFound
from shared.http import Problem
from shared.ids import digest
from shared.store.base import Store

MAX_KEY_CHARS = 255


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """`domains/<domain>/idempotency/<digest>.json`."""

    batch: str
    accepted_at: float
    digest: str
    """Of all that the call says."""


def _key(domain: str, idempotency_key: str) -> str:
    if not 0 < len(idempotency_key) <= MAX_KEY_CHARS:
        detail = f"Idempotency-Key has to have 1 to {MAX_KEY_CHARS} characters"
        raise Problem(422, "invalid_idempotency_key", detail)
    return keys.idempotency(domain, digest(idempotency_key).hex()[:40])


async def is_known(store: Store, domain: str, idempotency_key: str) -> bool:
    """Whether there is a record for this key, of whatever age. Raises `Problem`."""
    try:
        await store.get(_key(domain, idempotency_key))
    except NotFound:
        return False
    return True


async def pin(
    store: Store, domain: str, idempotency_key: str, fresh: Record, ttl_s: float
) -> Record:
    """The record in force for this key: an earlier one younger than `ttl_s`, or `fresh`.

    Raises `Problem` if the key came with another body, and `LostRace` if two calls renewed an
    expired record at the same moment: the caller's repeat then finds the winner's.
    """
    key = _key(domain, idempotency_key)
    try:
        await store.create(key, msgspec.json.encode(fresh))
    except AlreadyExists:
        pass
    else:
        return fresh
    found = await store.get(key)
    record = msgspec.json.decode(found.body, type=Record)
    if record.accepted_at + ttl_s <= fresh.accepted_at:
        await store.replace(key, msgspec.json.encode(fresh), found.etag)
        return fresh
    if record.digest != fresh.digest:
        detail = "this Idempotency-Key was used with another body; use a new key for a new call"
        raise Problem(422, "idempotency_key_reused", detail)
    return record
