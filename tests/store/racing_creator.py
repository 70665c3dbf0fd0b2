"""A process that creates the keys `race/0000` to `race/0299` and prints the ones that it won:
`python racing_creator.py FILE`. It starts when a line comes in."""

import asyncio
import sys

from shared.errors import AlreadyExists
from shared.store.sqlite import SqliteStore

KEYS = [f"race/{n:04d}" for n in range(300)]


async def create(store: SqliteStore, key: str) -> None:
    try:
        etag = await store.create(key, b"x")
    except AlreadyExists:
        return
    print(key, etag, flush=True)


async def main(path: str) -> None:
    store = SqliteStore(path)
    for start in range(0, len(KEYS), 20):
        await asyncio.gather(*(create(store, key) for key in KEYS[start : start + 20]))
    await store.close()


if __name__ == "__main__":
    sys.stdin.readline()
    asyncio.run(main(sys.argv[1]))
