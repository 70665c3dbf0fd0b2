"""Counting 1,000,000 Deliveries, and asking for what was counted.

Throughput is that of one round over Outcomes that nobody has counted, reading included. Requests
are those of a bucket's owner. Questions are asked as the API asks them: 30 days by the day, and by
recipient domain.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from benchmarks import interface
from benchmarks.row import LIMIT, Announce, Row, Target, Unmeasured
from shared import keys
from shared.ids import batch_id, delivery_id
from shared.model import Content, Sender
from shared.outcome import Outcome, State, encode_lines
from shared.stats.compact import Compaction
from shared.stats.query import BY_RECIPIENT, NONE, Question, answer
from shared.stats.ranges import asked
from shared.store import open_store
from shared.store.base import Store
from shared.store.wrap import CountingStore

DELIVERIES = 1_000_000
BATCH = 100_000
BAG = 500
PART = 200
SINGLES = 2_000
DAYS = 28
SPREAD_S = 1_200
"""Between two Bags of a Batch: there is mail at every hour."""
START = 1_790_000_000.0
NOW = START + (DAYS + 1) * 86_400
ASKED = 7
DOMAIN = "example.org"
MIX = (("gmail.com", 67), ("hotmail.com", 9), ("yahoo.com", 6))
SMALL = 1_000
"""Recipient domains that share the rest."""
LEAST_A_SECOND = 50_000.0
"""Ten times what one process sends."""
MOST_PER_THOUSAND = 8.0
MOST_PER_THOUSAND_SINGLES = 2_100.0
MOST_ASK_MS = 100.0
MOST_ASK_MANY_MS = 500.0


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one store."""

    counted_s: float
    per_thousand: float
    per_thousand_singles: float
    day_ms: float
    recipient_ms: float


def rows(announce: Announce) -> list[Row]:
    missing, found = "", None
    try:
        with tempfile.TemporaryDirectory(prefix="ekiden-stats-") as folder:
            found = asyncio.run(_measure(Path(folder), announce))
    except (Unmeasured, OSError) as error:
        missing = str(error)

    def figure(of: Callable[[Measured], float]) -> float | None:
        return of(found) if found else None

    name = "statistics, 1,000,000 Deliveries"
    return [
        Row(
            f"{name}: counted",
            figure(lambda each: DELIVERIES / each.counted_s),
            "Outcomes/s",
            LIMIT,
            LEAST_A_SECOND,
            Target("≥"),
            missing,
        ),
        _limit(f"{name}: requests per 1,000, Batches of 100,000", "requests", MOST_PER_THOUSAND,
               figure(lambda each: each.per_thousand), missing),
        _limit("statistics: requests per 1,000 single mails", "requests",
               MOST_PER_THOUSAND_SINGLES, figure(lambda each: each.per_thousand_singles), missing),
        _limit(f"{name}: 30 days by the day", "ms", MOST_ASK_MS,
               figure(lambda each: each.day_ms), missing),
        _limit(f"{name}: 30 days by recipient domain", "ms", MOST_ASK_MANY_MS,
               figure(lambda each: each.recipient_ms), missing),
    ]  # fmt: skip


def _limit(name: str, unit: str, most: float, figure: float | None, missing: str) -> Row:
    return Row(name, figure, unit, LIMIT, most, Target("≤"), missing)


async def _measure(folder: Path, announce: Announce) -> Measured:
    store = CountingStore(open_store(interface.file_store(folder)))
    try:
        announce("writing Outcomes")
        await _fill(store)
        announce("counting")
        counted_s, requests = await _count(store, DELIVERIES)
        announce("asking")
        day_ms = await _ask(store, NONE)
        recipient_ms = await _ask(store, BY_RECIPIENT)
        announce("single mails")
        await _fill_singles(store)
        _, of_singles = await _count(store, SINGLES, later_s=600)
    finally:
        await store.close()
    per_thousand = requests / DELIVERIES * 1000
    singles = of_singles / SINGLES * 1000
    return Measured(counted_s, per_thousand, singles, day_ms, recipient_ms)


async def _fill(store: Store) -> None:
    rng = Random(1)
    batches = DELIVERIES // BATCH
    for number in range(batches):
        at = START + number * DAYS / batches * 86_400
        batch = batch_id(at, rng.randbytes(10))
        await store.put(keys.content(batch), msgspec.json.encode(_content(batch, BATCH, at)))
        for bag in range(BATCH // BAG):
            lines = list(_lines(rng, batch, bag, at + bag * SPREAD_S))
            for part, first in enumerate(range(0, BAG, PART)):
                key = keys.outcome_part(batch, bag, 0, part)
                await store.put(key, encode_lines(lines[first : first + PART]))


def _content(batch: str, accepted: int, at: float) -> Content:
    return Content(
        batch=batch,
        domain=DOMAIN,
        accepted_at=at,
        due_at=at,
        digest="",
        accepted=accepted,
        sender=Sender("news@example.org"),
        tags=["spring"],
        bag_size=BAG,
    )


def _lines(rng: Random, batch: str, bag: int, at: float) -> Iterator[Outcome]:
    for n in range(BAG):
        state = State.DELIVERED if rng.random() < 0.97 else State.BOUNCED
        yield _outcome(rng, delivery_id(batch, bag, n), at, state)


def _outcome(rng: Random, delivery: str, at: float, state: State) -> Outcome:
    share, host = rng.random() * 100, f"small{rng.randrange(SMALL)}.example"
    for name, percent in MIX:
        share -= percent
        if share < 0:
            host = name
            break
    return Outcome(
        delivery=delivery,
        recipient=f"somebody{rng.randrange(10**6)}@{host}",
        outcome=state,
        at=at,
        code=250,
        enhanced="2.0.0",
        text="2.0.0 Ok: queued as 4f8a1b2c3d",
        host=f"mx1.{host}",
        address="192.0.2.1",
        tls="TLSv1.3",
        queued_s=0.5,
        transmit_s=0.1,
    )


async def _fill_singles(store: Store) -> None:
    rng = Random(2)
    for number in range(SINGLES):
        at = NOW + 60 + number * 0.1
        batch = batch_id(at, rng.randbytes(10))
        await store.put(keys.content(batch), msgspec.json.encode(_content(batch, 1, at)))
        line = _outcome(rng, delivery_id(batch, 0, 0), at, State.DELIVERED)
        await store.put(keys.outcome_part(batch, 0, 0, 0), encode_lines([line]))


async def _count(store: CountingStore, expected: int, later_s: float = 0) -> tuple[float, int]:
    """(seconds, requests) of all rounds until nothing is left."""
    compaction = Compaction(store, lambda: NOW + later_s, 60)
    before, start, counted = store.total, time.perf_counter(), 0
    behind = True
    while behind:
        done = await compaction.round(at_once=True)
        counted, behind = counted + done.outcomes, done.behind
    if counted != expected:
        raise Unmeasured(f"{counted} of {expected} Outcomes were counted")
    return time.perf_counter() - start, store.total - before


async def _ask(store: Store, by: str) -> float:
    """Milliseconds, the median of a few times."""
    span = asked("", "", "day", NOW)
    times: list[float] = []
    total: Any = 0
    for _ in range(ASKED):
        start = time.perf_counter()
        found = await answer(store, DOMAIN, Question(span, by, limit=20))
        msgspec.json.encode(found)
        times.append((time.perf_counter() - start) * 1000)
        total = sum(line.total.delivered + line.total.bounced for line in found.lines)
    if by == NONE and total != DELIVERIES:
        raise Unmeasured(f"{total} of {DELIVERIES} Deliveries are in the answer")
    return sorted(times)[ASKED // 2]
