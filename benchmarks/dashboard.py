"""Every page of the dashboard, with 1,000,000 Deliveries in the bucket.

900,000 of nine large Batches and 100,000 mails on their own, over a week, counted as the sweep
counts them. Templates are compiled, as in the image. The figure is that of the slowest page, at its
second look; the note names it, and says what the slowest first look took, of a process that has
just begun.
"""

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import msgspec

from benchmarks import interface
from benchmarks.row import LIMIT, Announce, Row, Target, Unmeasured
from benchmarks.sweeping import make
from functions.admin import assemble
from functions.admin.dashboard import session
from functions.admin.dashboard.renderer import Renderer
from shared import keys
from shared.config import load
from shared.http import Request
from shared.ids import batch_id, delivery_id
from shared.model import Content, Sender
from shared.outcome import Outcome, State, encode_lines
from shared.provision import add_domain
from shared.stats.compact import Compaction
from shared.store import open_store
from shared.store.base import Store

LARGE, OF_LARGE = 9, 100_000
ALONE = 100_000
BAG = 500
WEEK_S = 7 * 86_400.0
MOST_MS = 100.0
LOOKS = 5
DOMAIN, TOKEN = "bench.example", "a-token"
_INSERT = "INSERT INTO objects (key, modified, size, body) VALUES (?, ?, ?, ?)"
_BATCH, _BAG = "0" * 26, "0000"
"""What stands for both in a Bag that is made once."""


@dataclass(frozen=True, slots=True)
class Look:
    """At one page."""

    path: str
    first_ms: float
    again_ms: float


def rows(announce: Announce) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="ekiden-dashboard-") as directory:
        announce("a million Deliveries")
        now = time.time()
        place = Path(directory)
        make(place)
        batch = _fill(place, now)
        looks = asyncio.run(_looks(interface.file_store(place), batch, now, announce))
    slowest = max(looks, key=lambda look: look.again_ms)
    first = max(looks, key=lambda look: look.first_ms)
    note = (
        f"{slowest.path}; the slowest first look: {first.first_ms:.0f} ms, {first.path}; "
        f"all pages: {median(look.again_ms for look in looks):.0f} ms at the median"
    )
    return [
        Row(
            name="the slowest page of the dashboard, 1,000,000 Deliveries in the bucket",
            figure=slowest.again_ms,
            unit="ms",
            peer=LIMIT,
            peer_figure=MOST_MS,
            target=Target("≤"),
            note=note,
        )
    ]


def _fill(place: Path, now: float) -> str:
    """Put everything there; return one of the large Batches."""
    with closing(sqlite3.connect(interface.store_path(place))) as file, file:
        objects = ((key, now, len(body), body) for key, body in _objects(now))
        file.executemany(_INSERT, objects)
    return _id(now - WEEK_S / 2, 0)


def _id(at: float, number: int) -> str:
    return batch_id(at, number.to_bytes(10))


def _objects(now: float) -> Iterator[tuple[str, bytes]]:
    bag = encode_lines(_outcome(n) for n in range(BAG))
    for number in range(LARGE):
        at = now - WEEK_S * (number + 1) / (LARGE + 1) if number else now - WEEK_S / 2
        batch = _id(at, number)
        yield keys.content(batch), _content(batch, at, OF_LARGE)
        own = bag.replace(_BATCH.encode(), batch.encode())
        for n in range(OF_LARGE // BAG):
            numbered = own.replace(f".{_BAG}.".encode(), f".{n:04d}.".encode())
            yield keys.outcome_part(batch, n, 0, 0), numbered
    one = encode_lines([_outcome(0)])
    for number in range(ALONE):
        at = now - WEEK_S * (number + 0.5) / ALONE
        batch = _id(at, 100 + number)
        yield keys.content(batch), _content(batch, at, 1)
        yield keys.outcome_part(batch, 0, 0, 0), one.replace(_BATCH.encode(), batch.encode())


def _outcome(n: int) -> Outcome:
    state = State.BOUNCED if n % 50 == 7 else State.DELIVERED
    return Outcome(
        delivery=delivery_id(_BATCH, 0, n),
        recipient=f"reader{n}@station{n % 40}.example",
        outcome=state,
        at=time.time() - WEEK_S / 2,
        code=550 if state is State.BOUNCED else 250,
        enhanced="5.1.1" if state is State.BOUNCED else "2.0.0",
        text="no such user here" if state is State.BOUNCED else "queued",
        host="mx.station.example",
        address="192.0.2.1:25",
        tls="TLSv1.3",
        transmit_s=0.123,
    )


def _content(batch: str, at: float, accepted: int) -> bytes:
    content = Content(
        batch=batch,
        domain=DOMAIN,
        accepted_at=at,
        due_at=at,
        digest="",
        accepted=accepted,
        sender=Sender(f"post@{DOMAIN}"),
        subject="Hello {{ name }}",
        html="<p>Hello {{ name }}</p>" * 200,
        bag_size=BAG,
    )
    return msgspec.json.encode(content)


async def _looks(url: str, batch: str, now: float, announce: Announce) -> list[Look]:
    store = open_store(url)
    try:
        await add_domain(store, DOMAIN, ["ed25519-sha256"], now)
        announce("counting them")
        compaction = Compaction(store, lambda: now, 60.0)
        counted = 0
        while True:
            done = await compaction.round()
            counted += done.outcomes
            if not done.behind:
                break
        if counted < LARGE * OF_LARGE + ALONE:
            raise Unmeasured(f"{counted} Outcomes were counted")
        Renderer().compile()
        return [await _look(store, path, announce) for path in _paths(batch)]
    finally:
        await store.close()


async def _look(store: Store, path: str, announce: Announce) -> Look:
    """By a face of its own, which remembers nothing of the pages before."""
    announce(path)
    face = assemble.face(load(environ={}, flags={"admin.tokens": TOKEN}), store)
    cookie = session.begin(TOKEN, "", bytes(session.ID_BYTES), time.time()).cookie
    took_ms: list[float] = []
    for _ in range(1 + LOOKS):
        plain, _, query = path.partition("?")
        request = Request("GET", plain, {"cookie": f"ekiden_session={cookie}"}, b"", query)
        start = time.perf_counter()
        answer = await face.handle(request)
        took_ms.append((time.perf_counter() - start) * 1000)
        if answer.status != 200:
            raise Unmeasured(f"{path} answered {answer.status}")
    return Look(path, took_ms[0], median(took_ms[1:]))


def _paths(batch: str) -> list[str]:
    one = f"/dashboard/domains/{DOMAIN}/batches/{batch}"
    return [
        "/dashboard",
        "/dashboard/queue",
        "/dashboard/batches",
        f"/dashboard/batches?domain={DOMAIN}&before={batch}",
        one,
        f"{one}/progress",
        f"{one}/deliveries",
        f"{one}/deliveries?outcome=bounced",
        f"{one}/deliveries/{batch}.0100.0007",
        "/dashboard/failed",
        "/dashboard/domains",
        f"/dashboard/domains/{DOMAIN}",
        f"/dashboard/domains/{DOMAIN}/suppressions",
        "/dashboard/statistics",
        f"/dashboard/statistics?domain={DOMAIN}&range=7+days",
        f"/dashboard/statistics?domain={DOMAIN}&range=12+months",
    ]
