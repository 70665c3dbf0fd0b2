"""What tracking costs: a Delivery in dispatch, an open in `track`, a token's verification.

An open counts when it is answered, which is when it is stored. The peer is the least that a
function can be, on the same machine, with as many readers; they take turns.
"""

import asyncio
import os
import secrets
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from benchmarks import content
from benchmarks.bucket import bucket
from benchmarks.crowd import rate
from benchmarks.functions import function_process
from benchmarks.loopback import free_port, wait_until_listens
from benchmarks.readers import Load
from benchmarks.row import LIMIT, Announce, Row, Sample, Target, Unmeasured, interleave, notes
from functions.dispatch.job import Job, render
from shared import dkim_keys, feedback, keys, tracking_keys
from shared.dkim_stored import StoredKey
from shared.domains import DkimKeys, Domain
from shared.ids import batch_id, delivery_id
from shared.model import Bag, Content, Sender
from shared.model import Row as Recipient
from shared.provision import add_domain
from shared.store import open_store
from shared.store.base import Store, list_all
from shared.templating import MAX_OUTPUT_CHARS, MAX_STEPS
from shared.tracking import Level, Tracking
from shared.tracking_tokens import CLICK, OPEN, Signer, verified

ROOT = Path(__file__).parents[1]
BAG_SIZE = 500
LINKS = 10
ROUNDS = 7
OPEN_ROUNDS = 5
MOST_TIME = Target("≤", 1.3)
LEAST_OPENS = Target("≥", 0.5)
MOST_VERIFY_US = 1000.0
OPENS = 8_000
TIMEOUT_S = 120
READERS = 500
"""Connections: people and their providers' proxies, of a Batch that has just arrived."""
TOKENS = 200
VERIFICATIONS = 5_000
TRACK_URL = "https://t.example.org"
WATCHED = Tracking(Level.IDENTIFIED, Level.IDENTIFIED)
TRACKED, UNTRACKED, BARE = "tracked", "untracked", "bare"

T = TypeVar("T")


def rows(announce: Announce) -> list[Row]:
    return [_dispatch(announce), *_opens(announce), _verification(announce)]


# ---- dispatch ----------------------------------------------------------------------------------


def _dispatch(announce: Announce) -> Row:
    jobs = {TRACKED: _job(WATCHED), UNTRACKED: _job(None)}
    for job in jobs.values():
        render(job)  # what is done once per Batch is done
    sides: dict[str, Callable[[int], float]] = {
        name: partial(_per_delivery_ms, job) for name, job in jobs.items()
    }
    samples = interleave(sides, announce, rounds=ROUNDS)
    ours, peer = samples[TRACKED], samples[UNTRACKED]
    return Row(
        name=f"dispatch of a Delivery, opens and {LINKS} links identified, RSA-2048",
        figure=ours.median(float),
        unit="ms",
        peer="the same Batch, untracked",
        peer_figure=peer.median(float),
        target=MOST_TIME,
        note=notes(ours, peer),
    )


def _per_delivery_ms(job: Job, n: int) -> float:
    start = time.process_time()
    render(job)
    return (time.process_time() - start) / BAG_SIZE * 1000


def _job(tracking: Tracking | None) -> Job:
    now = time.time()
    batch = batch_id(now, bytes(10))
    said = Content(
        batch=batch,
        domain=content.DOMAIN,
        digest="",
        accepted=BAG_SIZE,
        accepted_at=now,
        due_at=now,
        subject=content.SUBJECT,
        sender=Sender(email=content.SENDER),
        html=_page(),
        tracking=tracking,
        tracking_url=TRACK_URL if tracking else "",
        bag_size=BAG_SIZE,
    )
    people = [
        Recipient(n, str(each["email"]), cast("dict[str, Any]", each["fields"]))
        for n, each in enumerate(content.recipients(BAG_SIZE))
    ]
    return Job(
        content=msgspec.json.encode(said),
        domain=msgspec.json.encode(
            Domain(name=content.DOMAIN, created_at=now, return_path_secret="5e" * 32)
        ),
        dkim=msgspec.json.encode(DkimKeys([_dkim_key()], [_dkim_key().selector])),
        bag=msgspec.json.encode(Bag(batch=batch, bag=0, domain=content.DOMAIN, rows=people)),
        tracking=msgspec.json.encode(tracking_keys.renewed(None, now)) if tracking else b"",
        max_steps=MAX_STEPS,
        max_chars=MAX_OUTPUT_CHARS,
    )


@cache
def _dkim_key() -> StoredKey:
    return dkim_keys.generate("rsa-sha256", "r1", created=0.0)


def _page() -> str:
    """A real mail with ten links: one holds the Recipient's fields, as is usual."""
    page = content.html()
    there = page.count("<a ")
    more = "".join(
        f'<p><a href="https://example.org/offers/{n}?utm_source=mail&amp;utm_term=autumn">'
        f"Offer {n}</a></p>\n"
        for n in range(LINKS - there)
    )
    head, body, rest = page.partition("</body>")
    return head + more + body + rest


# ---- opens -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tracker:
    """A running `track`, and what to ask it for."""

    url: str
    """Of its store."""
    port: int
    paths: list[str]


def _opens(announce: Announce) -> list[Row]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ekiden-track-")))
        urls = {"SQLite": lambda: f"sqlite:///{folder}/store.db", "a bucket": _bucket(stack)}
        trackers = cache(lambda place: stack.enter_context(_tracker(urls[place](), folder)))
        bare = cache(lambda: stack.enter_context(_bare(folder)))
        sides: dict[str, Callable[[int], float]] = {
            place: partial(lambda place, n: _open_rate(trackers(place)), place) for place in urls
        }
        sides[BARE] = lambda n: rate(Load(bare(), ["/o/x"], OPENS, READERS, 204), TIMEOUT_S)
        samples = interleave(sides, announce, rounds=OPEN_ROUNDS)
    peer = samples.pop(BARE)
    return [_opens_row(place, ours, peer) for place, ours in samples.items()]


def _bucket(stack: ExitStack) -> Callable[[], str]:
    return lambda: stack.enter_context(bucket())


def _opens_row(place: str, ours: Sample[float], peer: Sample[float]) -> Row:
    return Row(
        name=f"tracked opens durable, {READERS} readers, over {place}",
        figure=ours.median(float),
        unit="/s",
        peer="bare functions-framework function (async)",
        peer_figure=peer.median(float),
        target=LEAST_OPENS,
        note=notes(ours, peer),
    )


def _open_rate(tracker: Tracker) -> float:
    """Opens per second. Raises `Unmeasured` if one that was answered is not there."""
    before = _stored(tracker.url)
    found = rate(Load(tracker.port, tracker.paths, OPENS, READERS, 200), TIMEOUT_S)
    if (there := _stored(tracker.url) - before) != OPENS:
        raise Unmeasured(f"{OPENS} opens were answered, {there} are stored")
    return found


def _stored(url: str) -> int:
    async def count(store: Store) -> int:
        found = [each.key async for each in list_all(store, f"events/{content.DOMAIN}/")]
        return sum([len(feedback.decode_lines((await store.get(key)).body)) for key in found])

    return asyncio.run(_with_store(url, count))


@contextmanager
def _tracker(url: str, folder: Path) -> Iterator[Tracker]:
    paths = asyncio.run(_with_store(url, _paths))
    source = ROOT / "functions/track/main.py"
    with _function(source, "track", folder, {"EKIDEN_STORE_URL": url}) as port:
        yield Tracker(url, port, paths)


@contextmanager
def _bare(folder: Path) -> Iterator[int]:
    with _function(ROOT / "benchmarks/bare_aio.py", "bare_aio", folder, {}) as port:
        yield port


@contextmanager
def _function(source: Path, target: str, folder: Path, place: dict[str, str]) -> Iterator[int]:
    """Its port, when it listens."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("EKIDEN_")}
    port = free_port()
    ours = {"PYTHONPATH": str(ROOT), "HOME": str(folder)}
    with function_process(source, target, port, kept | place | ours):
        wait_until_listens(port)
        yield port


async def _paths(store: Store) -> list[str]:
    """Pixels of as many Deliveries."""
    now = time.time()
    await add_domain(store, content.DOMAIN, ["ed25519-sha256"], now)
    await tracking_keys.ensure(store, content.DOMAIN, now)
    stored = await store.get(keys.domain_tracking(content.DOMAIN))
    key = tracking_keys.decode(stored.body).signing
    batch = batch_id(now, secrets.token_bytes(10))
    signer = Signer(key, content.DOMAIN, batch, now)
    deliveries = (delivery_id(batch, 0, n) for n in range(TOKENS))
    return [f"/o/{signer.token(OPEN, Level.IDENTIFIED, each)}" for each in deliveries]


async def _with_store(url: str, work: Callable[[Store], Awaitable[T]]) -> T:
    store = open_store(url)
    try:
        return await work(store)
    finally:
        await store.close()


# ---- verification ------------------------------------------------------------------------------


def _verification(announce: Announce) -> Row:
    sample = interleave({"verify": _verify_us}, announce)["verify"]
    return Row(
        name="verification of a click's token",
        figure=sample.median(float),
        unit="µs",
        peer=LIMIT,
        peer_figure=MOST_VERIFY_US,
        target=Target("≤", 1),
        note=notes(sample),
    )


def _verify_us(n: int) -> float:
    now = time.time()
    ring = tracking_keys.renewed(None, now)
    batch = batch_id(now, bytes(10))
    signer = Signer(ring.signing, content.DOMAIN, batch, now)
    url = "https://example.org/offers/1?utm_source=mail&utm_term=autumn"
    text = signer.token(CLICK, Level.IDENTIFIED, delivery_id(batch, 0, 1), url)
    start = time.perf_counter()
    for _ in range(VERIFICATIONS):
        verified(text, CLICK, ring.secrets, now)
    return (time.perf_counter() - start) / VERIFICATIONS * 1e6
