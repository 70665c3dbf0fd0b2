"""A store in memory: for tests, for trying things out, for nothing that has to last."""

import time
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable

from shared.errors import AlreadyExists, Changed, NotFound
from shared.store.base import Entry, Object


class MemoryStore:
    """A `Store` in this process; listings are in byte order. Nothing in it ever waits."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._objects: dict[str, Object] = {}
        self._keys: list[str] = []  # sorted; code points sort as their UTF-8 bytes do
        self._version = 0

    async def get(self, key: str) -> Object:
        if key not in self._objects:
            raise NotFound(key)
        return self._objects[key]

    async def create(self, key: str, body: bytes) -> str:
        if key in self._objects:
            raise AlreadyExists(key)
        return self._write(key, body)

    async def replace(self, key: str, body: bytes, etag: str) -> str:
        if key not in self._objects or self._objects[key].etag != etag:
            raise Changed(key)
        return self._write(key, body)

    async def put(self, key: str, body: bytes) -> str:
        return self._write(key, body)

    async def delete(self, *keys: str) -> None:
        for key in keys:
            if self._objects.pop(key, None) is not None:
                del self._keys[bisect_left(self._keys, key)]

    async def list_page(self, prefix: str, start_after: str = "", limit: int = 1000) -> list[Entry]:
        first = max(bisect_right(self._keys, prefix), bisect_right(self._keys, start_after))
        page = self._keys[first : first + limit]
        return [self._entry(key) for key in page if key.startswith(prefix)]

    async def close(self) -> None:
        """Nothing to let go of; the objects stay."""

    def _write(self, key: str, body: bytes) -> str:
        if key not in self._objects:
            insort(self._keys, key)
        self._version += 1
        self._objects[key] = Object(bytes(body), str(self._version), self._clock())
        return self._objects[key].etag

    def _entry(self, key: str) -> Entry:
        found = self._objects[key]
        return Entry(key, len(found.body), found.modified)
