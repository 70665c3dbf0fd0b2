"""A process that creates objects until it is killed: `python acknowledging_writer.py FILE NAME`.

16 tasks write keys `NAME/<task>-<n>` and print each one when, and only when, it is acknowledged.
"""

import asyncio
import os
import sys

from shared.store.sqlite import SqliteStore

TASKS = 16


async def write(store: SqliteStore, name: str, task: int) -> None:
    n = 0
    while True:
        key = f"{name}/{task:02d}-{n:06d}"
        await store.create(key, key.encode() * 50)
        os.write(sys.stdout.fileno(), key.encode() + b"\n")
        n += 1


async def main(path: str, name: str) -> None:
    store = SqliteStore(path)
    await asyncio.gather(*(write(store, name, task) for task in range(TASKS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
