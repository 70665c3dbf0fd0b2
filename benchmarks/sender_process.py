"""One way to send mails that are ready, in a process of its own.

`python -m benchmarks.sender_process WAY PORT COUNT` prepares, prints `ready`, waits for a line on
standard input, sends, and prints how many seconds that took.
"""

import asyncio
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from benchmarks import inside, interface
from benchmarks.inside import SendAll
from benchmarks.loopback import HOST

CONNECTIONS = 20


@asynccontextmanager
async def _stage_over_a_file(recipients: list[str], port: int) -> AsyncIterator[SendAll]:
    with TemporaryDirectory(prefix="ekiden-sender-") as directory:
        store_url = interface.file_store(Path(directory))
        async with inside.sending(store_url, recipients, port) as send_all:
            yield send_all


@asynccontextmanager
async def _aiosmtplib(recipients: list[str], port: int) -> AsyncIterator[SendAll]:
    """As its documentation says: a client per connection, `sendmail` for each message."""
    from aiosmtplib import SMTP

    waiting = deque(inside.prepared(recipients))

    async def carry() -> None:
        client = SMTP(
            hostname=HOST, port=port, start_tls=False, local_hostname="sender.example.org"
        )
        async with client:
            while waiting:
                sender, recipient, message = waiting.popleft()
                await client.sendmail(sender, [recipient], message)

    async def send_all() -> None:
        await asyncio.gather(*(carry() for _ in range(CONNECTIONS)))

    yield send_all


WAYS: dict[str, Callable[[list[str], int], AbstractAsyncContextManager[SendAll]]] = {
    "stage over a file": _stage_over_a_file,
    "stage in memory": lambda recipients, port: inside.sending("memory:", recipients, port),
    "transmitter": inside.transmitting,
    "aiosmtplib": _aiosmtplib,
}


async def _run(way: str, port: int, count: int) -> None:
    async with WAYS[way](inside.addresses(count), port) as send_all:
        print("ready", flush=True)
        sys.stdin.readline()
        start = time.monotonic()
        await send_all()
        print(time.monotonic() - start, flush=True)


if __name__ == "__main__":
    inside.as_the_pod_does()
    uvloop.run(_run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
