"""How far it is, in the bucket.

    control/retention/index.json              whose turn it is, and which Domains are left today
    control/retention/domains/<domain>.json   how far a Domain's Batches are gone

A Domain's record is changed by compare-and-swap alone: of two that work on a Domain one stops. A
record that is lost or cannot be read costs a walk from the oldest Batch on; of Batches whose
deletion had begun the rest stays then, until the installation's rule ends it.
"""

import logging
from typing import TypeVar

import msgspec

from shared.codec import pack, unpack
from shared.errors import Malformed, NotFound
from shared.store.base import Store

log = logging.getLogger("ekiden.retention")


class Index(msgspec.Struct, omit_defaults=True):
    """`control/retention/index.json`."""

    next: float = 0.0
    """When the next turn may begin, seconds since 1970."""
    day: float = -1.0
    """Which day's work this is: its midnight."""
    is_listed: bool = False
    """All Domains that wish something are in `todo`, or done."""
    after: str = ""
    """Else: those up to this key."""
    todo: list[str] = []
    """Domains that are not done today."""


class Record(msgspec.Struct, omit_defaults=True):
    """`control/retention/domains/<domain>.json`."""

    until: float = 0.0
    """Its Batches of before are gone, but for those that are named here. Seconds since 1970."""
    kept: dict[str, float] = {}
    """Batch → since when it ages. They were due later, or something kept them."""
    looked: float = -1.0
    """The day on which they were looked at: its midnight."""
    looked_to: str = ""
    """On the day after: at those up to this one."""
    going: list[str] = []
    """Batches whose deletion has begun: their content may be gone, and the rest is not."""


T = TypeVar("T", Index, Record)


async def load(store: Store, key: str, kind: type[T]) -> tuple[T, str]:
    """(the record, the ETag to change it by or "")"""
    try:
        found = await store.get(key)
    except NotFound:
        return kind(), ""
    try:
        return msgspec.json.decode(unpack(found.body), type=kind), found.etag
    except (msgspec.MsgspecError, UnicodeDecodeError, Malformed) as error:
        log.error("%s cannot be read, and is begun anew: %s", key, error)
        return kind(), found.etag


async def save(store: Store, key: str, record: Index | Record, etag: str) -> str:
    """Returns the new ETag. Raises `LostRace` if another was quicker."""
    body = pack([msgspec.json.encode(record)])
    return await (store.replace(key, body, etag) if etag else store.create(key, body))
