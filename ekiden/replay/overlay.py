"""A store over another one: it reads through, and keeps to itself what is written.

Work that runs over it changes nothing, and what it would have written can be looked at.
"""

from collections.abc import Iterator

from shared.errors import AlreadyExists, Changed, NotFound
from shared.store.base import Entry, Object, Store

_KEPT = "overlay"
"""The ETag of what was written here."""


class Overlay:
    """For stages that change nothing but the store."""

    def __init__(self, below: Store) -> None:
        self._below = below
        self._written: dict[str, bytes] = {}
        self._deleted: set[str] = set()

    def take(self) -> Iterator[tuple[str, bytes]]:
        """(key, body) of all that was written, which is then forgotten."""
        while self._written:
            key = next(iter(self._written))
            yield key, self._written.pop(key)

    async def get(self, key: str) -> Object:
        if key in self._written:
            return Object(self._written[key], _KEPT, 0.0)
        if key in self._deleted:
            raise NotFound(key)
        return await self._below.get(key)

    async def create(self, key: str, body: bytes) -> str:
        """What stands below does not count: what is made again must not find itself."""
        if key in self._written:
            raise AlreadyExists(key)
        return await self.put(key, body)

    async def replace(self, key: str, body: bytes, etag: str) -> str:
        if (await self.get(key)).etag != etag:
            raise Changed(key)
        return await self.put(key, body)

    async def put(self, key: str, body: bytes) -> str:
        self._written[key] = body
        return _KEPT

    async def delete(self, *keys: str) -> None:
        self._deleted.update(keys)
        for key in keys:
            self._written.pop(key, None)

    async def list_page(self, prefix: str, start_after: str = "", limit: int = 1000) -> list[Entry]:
        """Of the store below: no stage lists what it writes."""
        return await self._below.list_page(prefix, start_after, limit)

    async def close(self) -> None:
        """The store below is somebody else's."""
