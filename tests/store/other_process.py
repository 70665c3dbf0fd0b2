"""Opens a store, lists it, closes it: as any `ekiden` command does beside a server."""

import asyncio
import sys

from shared.store.base import list_all
from shared.store.sqlite import SqliteStore


async def look(path: str) -> None:
    store = SqliteStore(path)
    print(",".join([entry.key async for entry in list_all(store, "")]))
    await store.close()


asyncio.run(look(sys.argv[1]))
