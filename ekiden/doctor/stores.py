"""The store: does it answer, does it keep conditional puts, is its clock ours, is there room?"""

import email.utils
import secrets
import shutil
import time
import urllib.error
import urllib.request
from datetime import UTC
from pathlib import Path
from urllib.parse import unquote

from ekiden.bucket.client import BucketClient
from ekiden.bucket.errors import first_refusal
from ekiden.doctor.beside import in_thread
from ekiden.doctor.finding import Finding, Scene, failed, ok, skipped, warning
from shared.config_kinds import GIB
from shared.config_network import mask
from shared.errors import EkidenError, NotFound, StoreUnavailable
from shared.store.probe import PREFIX, probe

SKEW_WARNING_S = 2.0
SKEW_FAILED_S = 30.0
LEAST_FREE_BYTES = GIB
_SQLITE = "sqlite:///"


async def reachable(scene: Scene) -> list[Finding]:
    """Put, get, list and delete an object below probe/."""
    url = scene.config.store.url
    file = sqlite_file(url)
    if file is not None and not file.exists():
        return [failed(f"there is no file {file}", "make it: ekiden bucket init")]
    begun = time.monotonic()
    try:
        await _round_trip(scene)
    except EkidenError as error:
        return [failed(str(error), _ADVICE if scene.place else "")]
    took_ms = (time.monotonic() - begun) * 1000
    return [ok(f"{mask(url)}: put, get, list and delete in {took_ms:.0f} ms")]


async def _round_trip(scene: Scene) -> None:
    store, key, body = scene.store, f"{PREFIX}{secrets.token_hex(16)}", b"ekiden doctor"
    await store.put(key, body)
    try:
        if (await store.get(key)).body != body:
            raise StoreUnavailable(f"{key} was put, and other bytes came back")
        if key not in [entry.key for entry in await store.list_page(key[:-1])]:
            raise StoreUnavailable(f"{key} was put, and the listing does not show it")
    finally:
        await store.delete(key)
    try:
        await store.get(key)
    except NotFound:
        return
    raise StoreUnavailable(f"{key} was deleted, and is still there")


async def conditional_puts(scene: Scene) -> list[Finding]:
    """Two senders must not both get the lease on a Bag."""
    try:
        await probe(scene.store)
    except EkidenError as error:
        return [failed(str(first_refusal(error)), "use another store: mail would go out twice")]
    return [ok("a create-only put and a put with a stale ETag are refused")]


async def clock(scene: Scene) -> list[Finding]:
    """Due times and leases are compared with the store's clock."""
    place = scene.place
    if place is None:
        return [skipped("the store is on this machine: there is one clock")]
    begun = scene.clock()
    date = await in_thread(lambda: _date(BucketClient(place).endpoint))
    return [judge_skew(date - (begun + scene.clock()) / 2)]


def judge_skew(skew_s: float) -> Finding:
    """`skew_s`: how far the store is ahead."""
    word = "ahead of" if skew_s > 0 else "behind"
    seen = f"the store's clock is {abs(skew_s):.1f} s {word} ours"
    advice = "set both clocks by NTP: due times, leases and signed requests rest on them"
    if abs(skew_s) > SKEW_FAILED_S:
        return failed(seen, advice)
    return warning(seen, advice) if abs(skew_s) > SKEW_WARNING_S else ok(seen)


def _date(endpoint: str) -> float:
    """Seconds since 1970 by the answer's Date header (RFC 9110 §6.6.1), whatever the answer."""
    try:
        with urllib.request.urlopen(endpoint, timeout=10) as answer:
            text = answer.headers.get("Date", "")
    except urllib.error.HTTPError as refusal:  # nobody logged in: it has a date all the same
        text = refusal.headers.get("Date", "")
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise StoreUnavailable(f"{endpoint}: {error}") from error
    try:
        said = email.utils.parsedate_to_datetime(text)
    except ValueError as error:
        raise StoreUnavailable(f"{endpoint} sends no date: {text[:80]!r}") from error
    # It names the second that has begun.
    return (said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp() + 0.5


async def disk(scene: Scene) -> list[Finding]:
    """A full disk refuses submits."""
    file = sqlite_file(scene.config.store.url)
    if file is None:
        return [skipped("the store is no file")]
    folder = file.resolve().parent
    try:
        free_bytes = (await in_thread(lambda: shutil.disk_usage(folder))).free
    except OSError as error:
        return [failed(f"{folder}: {error.strerror}", "make the folder of the store")]
    return [judge_room(free_bytes, str(folder))]


def judge_room(free_bytes: int, folder: str) -> Finding:
    seen = f"{free_bytes / GIB:.1f} GiB free in {folder}"
    if free_bytes < LEAST_FREE_BYTES:
        return warning(seen, "make room: when it is full, submits are refused")
    return ok(seen)


def sqlite_file(url: str) -> Path | None:
    return Path(unquote(url.removeprefix(_SQLITE))) if url.startswith(_SQLITE) else None


_ADVICE = "look at store.url, the credentials and the network; ekiden bucket init makes the bucket"
