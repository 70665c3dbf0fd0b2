"""Does the store honour conditional puts? Some S3 gateways ignore them, and then nothing here
holds: two senders would both hold the lease on a Bag, and its mail would go out twice."""

import secrets
from contextlib import suppress

from shared.errors import AlreadyExists, Changed, EkidenError, StoreRefused
from shared.store.base import Store

PREFIX = "probe/"

ADVICE = (
    "Ekiden cannot run on it: work would be done twice. Use a store that honours If-None-Match "
    "and If-Match on PUT (AWS S3, MinIO, SeaweedFS, Ceph do; the JuiceFS gateway and "
    "`rclone serve s3` do not), or the SQLite store on one machine."
)


async def probe(store: Store) -> None:
    """Try a create and a replace that must fail. Raises `StoreRefused` if one succeeds."""
    key = f"{PREFIX}{secrets.token_hex(16)}"
    try:
        await _probe_create(store, key)
        await _probe_replace(store, key)
    finally:
        # What was found out counts: some stores also refuse how we delete.
        with suppress(EkidenError):
            await store.delete(key)


async def _probe_create(store: Store, key: str) -> None:
    await store.create(key, b"first")
    try:
        await store.create(key, b"second")
    except AlreadyExists:
        return
    raise StoreRefused(f"the store overwrites an object on a create-only put. {ADVICE}")


async def _probe_replace(store: Store, key: str) -> None:
    stale = (await store.get(key)).etag
    try:
        await store.replace(key, b"third", stale)
    except Changed:
        raise StoreRefused(f"the store rejects a put with the right ETag. {ADVICE}") from None
    try:
        await store.replace(key, b"fourth", stale)
    except Changed:
        return
    raise StoreRefused(f"the store overwrites an object on a put with a wrong ETag. {ADVICE}")
