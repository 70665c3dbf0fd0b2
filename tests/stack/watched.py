"""What the stack's tests send, and how they wait for it."""

import asyncio
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from ekiden.client import ApiRefused, ApiUnreachable, Client
from shared import keys
from shared.batches import outcome_parts, read_outcomes
from shared.errors import EkidenError
from shared.outcome import Outcome
from shared.store import open_store
from shared.store.base import list_all

T = TypeVar("T")


def batch_to(recipients: int) -> dict[str, Any]:
    return {
        "sender": {"email": "post@demo.example"},
        "subject": "Hello {{ name }}",
        "text": "Dear {{ name }},\r\nthis is it.\r\n",
        "recipients": [
            {"email": f"r{n}@station{n % 7}.example", "fields": {"name": n}}
            for n in range(recipients)
        ],
    }


def done(client: Client, batch: str, patience_s: float) -> dict[str, Any]:
    """The Batch's status when it is done, whatever happens to submit meanwhile."""
    deadline = time.monotonic() + patience_s
    status: dict[str, Any] = {}
    while not status.get("done"):
        assert time.monotonic() < deadline, f"not done in time: {status}"
        try:
            status = client.batch(batch, wait_s=5)[0]
        except (ApiUnreachable, ApiRefused):
            time.sleep(0.2)  # it was killed, and is started again
    return status


def read(store_url: str, batch: str) -> tuple[list[Outcome], set[str]]:
    """(all Outcomes of the Batch, the folders that the bucket has left)."""

    async def act() -> tuple[list[Outcome], set[str]]:
        store = open_store(store_url)
        try:
            parts = await outcome_parts(store, keys.outcomes(batch))
            outcomes = await read_outcomes(store, parts)
            return outcomes, {each.key.split("/")[0] async for each in list_all(store, "")}
        finally:
            await store.close()

    return asyncio.run(act())


def put(store_url: str, key: str, body: bytes) -> None:
    async def act() -> None:
        store = open_store(store_url)
        try:
            await store.put(key, body)
        finally:
            await store.close()

    asyncio.run(act())


def sweep(url: str) -> None:
    """One tick of the timer."""
    urllib.request.urlopen(urllib.request.Request(url, b""), timeout=60).close()


def until(look: Callable[[], T], patience_s: float = 60) -> T:
    """What `look` gives as soon as it gives something."""
    deadline = time.monotonic() + patience_s
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return found


def bounce_of(recipient: str, return_path: str) -> bytes:
    """A report of another server (RFC 3464) that there is no such mailbox."""
    return (
        "From: MAILER-DAEMON@sink.example\r\n"
        f"To: {return_path}\r\n"
        "Subject: Undelivered Mail\r\n"
        "MIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nNo such mailbox.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.sink.example\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\n"
        "Action: failed\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such mailbox\r\n\r\n--b--\r\n"
    ).encode()


def got(store_url: str, key: str) -> bytes:
    """Its body; empty while the store does not answer."""

    async def act() -> bytes:
        store = open_store(store_url)
        try:
            return (await store.get(key)).body
        except EkidenError:
            return b""
        finally:
            await store.close()

    return asyncio.run(act())


def running_with(word: str, what: str = "cmdline") -> list[int]:
    """The ids of processes whose command line (or `environ`) has it."""
    found = []
    for place in Path("/proc").glob(f"[0-9]*/{what}"):
        with suppress(OSError):  # it has just ended
            if word.encode() in place.read_bytes():
                found.append(int(place.parent.name))
    return found
