"""The sweep while 1,000,000 objects wait, of which 100 are due: it has to cost what is due.

Due times stand at the front of the keys, and the listing stops at the first one that is not due.
The peer is the same sweep where nothing waits but those 100.
"""

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from benchmarks import interface
from benchmarks.row import Announce, Row, Sample, Target, Unmeasured, interleave, notes
from functions.sweep.sweeping import Sweeping
from functions.sweep.waking import Waking
from shared import keys
from shared.store import open_store
from shared.store.wrap import CountingStore

WAITING = 1_000_000
DUE = 100
ROUNDS = 5
HOUR_S = 3600.0
FORGOTTEN_AFTER_S = 30.0
MAX_REDRIVES = 5
MOST_TIME = Target("≤", 1.5)
BODY = b"a Bag of Envelopes, as far as a sweep looks at it"
FULL, ALONE = "a million wait", "only what is due"

_BATCH = "B" * 26
"""Stands for the number of a row, where SQL makes the keys: Python takes ten times as long."""
_INSERT = """
WITH RECURSIVE numbers(n) AS (SELECT ? UNION ALL SELECT n + 1 FROM numbers LIMIT ?)
INSERT INTO objects (key, modified, size, body)
SELECT replace(?, ?, printf('%026d', n)), ?, ?, ? FROM numbers
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one sweep."""

    requests: int
    duration_ms: float


def rows(announce: Announce) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="ekiden-sweep-") as directory:
        numbers = {FULL: WAITING, ALONE: 0}
        stores = cache(lambda name: _made(Path(directory), name, numbers[name]))
        sides: dict[str, Callable[[int], Cost]] = {
            name: partial(_measured, stores, name) for name in numbers
        }
        samples = interleave(sides, announce, rounds=ROUNDS)
    full, alone = samples[FULL], samples[ALONE]
    return [
        _row("requests", "requests", full, alone, lambda cost: cost.requests),
        _row("time", "ms", full, alone, lambda cost: cost.duration_ms),
    ]


def _row(
    what: str,
    unit: str,
    full: Sample[Cost],
    alone: Sample[Cost],
    figure: Callable[[Cost], float],
) -> Row:
    return Row(
        name=f"{what} of a sweep, 1,000,000 objects waiting, 100 of them due",
        figure=full.median(figure),
        unit=unit,
        peer="the same, and nothing else waits",
        peer_figure=alone.median(figure),
        target=Target("≤", 1) if unit == "requests" else MOST_TIME,
        note=notes(full, alone),
    )


def _made(directory: Path, name: str, not_due: int) -> str:
    """The URL of a store where so many wait that are not due."""
    place = directory / name.replace(" ", "-")
    place.mkdir()
    make(place)
    put_waiting(place, time.time() + HOUR_S, not_due)
    return interface.file_store(place)


def _measured(stores: Callable[[str], str], name: str, n: int) -> Cost:
    url = stores(name)
    place = Path(url.removeprefix("sqlite:///")).parent
    put_waiting(place, time.time() - HOUR_S, DUE, first=(n + 2) * WAITING)
    return asyncio.run(_sweep(url))


async def _sweep(url: str) -> Cost:
    store = CountingStore(open_store(url))
    sweeping = Sweeping(store, time.time, Waking(store, {}), FORGOTTEN_AFTER_S, MAX_REDRIVES)
    try:
        await store.inner.list_page(keys.WAITING, limit=1)  # opens the file
        start = time.perf_counter()
        swept = await sweeping.sweep()
        duration_ms = (time.perf_counter() - start) * 1000
        released = [each.key for each in await store.inner.list_page(keys.DISPATCHED)]
        await store.inner.delete(*released)
    finally:
        await store.close()
    if swept.released != DUE:
        raise Unmeasured(f"{swept.released} of {DUE} were released")
    return Cost(store.total, duration_ms)


def make(place: Path) -> None:
    """A store's file, with its table."""

    async def opening() -> None:
        store = open_store(interface.file_store(place))
        await store.put("ready", b"")
        await store.close()

    asyncio.run(opening())


def put_waiting(place: Path, due: float, number: int, first: int = 0) -> None:
    """So many Bags that wait until `due`, each of a Batch of its own, numbered from `first`."""
    if not number:
        return
    key = keys.waiting(due, keys.dispatched(_BATCH, 0, 1))
    with closing(sqlite3.connect(interface.store_path(place))) as file, file:
        values = (first, number, key, _BATCH, time.time(), len(BODY), BODY)
        file.execute(_INSERT, values)
