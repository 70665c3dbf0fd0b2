"""What a store is: seven operations on objects, with the conditions that the relay rests on.

Keys are `/`-separated, made by `shared/keys` alone. Bodies are bytes. Every put is durable
when it returns. Foreign errors never leave a store: each is mapped to one of `shared/errors.py`.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Object:
    """One stored object, as read."""

    body: bytes
    etag: str
    """Opaque; changes with every put. Only good for `replace`."""
    modified: float
    """When it was put, in seconds since 1970, by the store's clock."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a listing."""

    key: str
    size_bytes: int
    modified: float


class Store(Protocol):
    """An object store. All methods raise `StoreUnavailable` or `StoreRefused` besides their own."""

    async def get(self, key: str) -> Object:
        """Read one object. Raises `NotFound`."""

    async def create(self, key: str, body: bytes) -> str:
        """Put if there is nothing yet (`If-None-Match: *`); return the ETag.

        Raises `AlreadyExists`. Of any number of racing callers exactly one wins.
        """

    async def replace(self, key: str, body: bytes, etag: str) -> str:
        """Put if the object still has this ETag (`If-Match`); return the new one.

        Raises `Changed`, also when the object is gone.
        """

    async def put(self, key: str, body: bytes) -> str:
        """Put, whatever was there; return the ETag."""

    async def delete(self, *keys: str) -> None:
        """Delete these objects in one request. What is not there is no error."""

    async def list_page(self, prefix: str, start_after: str = "", limit: int = 1000) -> list[Entry]:
        """At most `limit` (≤ 1000) entries below `prefix` and behind `start_after`, in own order.

        A key that is the prefix itself is not below it: not every engine can list it. And
        `start_after` is no folder's name: SeaweedFS would begin behind all that is in it.

        Fewer than `limit` entries mean that there are no more. One page is one request.
        """

    async def close(self) -> None:
        """Let go of connections and threads. What was acknowledged is safe without it."""


async def list_all(store: Store, prefix: str, start_after: str = "") -> AsyncIterator[Entry]:
    """Every entry below `prefix`, page by page."""
    while True:
        page = await store.list_page(prefix, start_after)
        for entry in page:
            yield entry
        if len(page) < 1000:
            return
        start_after = page[-1].key
