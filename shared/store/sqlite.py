"""All objects in one SQLite file: the store of the all-in-one process.

A put is on the disk (WAL, `synchronous=FULL`) before it returns. Puts that wait at the same time
share a commit, and so its fsync. Several processes may use the file at once.
"""

from pathlib import Path

from shared.store.base import Entry, Object
from shared.store.group_thread import GroupThread
from shared.store.sqlite_reader import Get, Page, Reader
from shared.store.sqlite_writer import Kind, Write, Writer


class SqliteStore:
    """A `Store` over one file, for any number of event loops.

    ETags are version numbers that the file never gives out twice. A cancelled call may still be
    carried out. Nothing is opened before the first call.
    """

    def __init__(self, path: str | Path) -> None:
        self._reads = GroupThread[Get | Page]("ekiden-store-read", lambda: Reader(str(path)))
        self._writes = GroupThread[Write]("ekiden-store-write", lambda: Writer(str(path)))

    async def get(self, key: str) -> Object:
        found: Object = await self._reads.submit(Get(key))
        return found

    async def create(self, key: str, body: bytes) -> str:
        etag: str = await self._writes.submit(Write(Kind.CREATE, key, body))
        return etag

    async def replace(self, key: str, body: bytes, etag: str) -> str:
        new_etag: str = await self._writes.submit(Write(Kind.REPLACE, key, body, etag))
        return new_etag

    async def put(self, key: str, body: bytes) -> str:
        etag: str = await self._writes.submit(Write(Kind.PUT, key, body))
        return etag

    async def delete(self, *keys: str) -> None:
        if keys:
            await self._writes.submit(Write(Kind.DELETE, keys[0], keys=keys))

    async def list_page(self, prefix: str, start_after: str = "", limit: int = 1000) -> list[Entry]:
        page: list[Entry] = await self._reads.submit(Page(prefix, start_after, limit))
        return page

    async def close(self) -> None:
        """Finish what is queued and let go of the file; the next call opens it again."""
        await self._reads.stop()
        await self._writes.stop()
