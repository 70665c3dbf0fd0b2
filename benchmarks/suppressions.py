"""1,000,000 suppressed addresses: what a check takes, and what a process needs to remember them.

`python -m benchmarks.suppressions STORE` is such a process: it loads them as `submit` does, checks
100,000 Recipients, half of them suppressed, and prints what that took.
"""

import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from benchmarks import interface
from benchmarks.row import LIMIT, Announce, Row, Target, Unmeasured, interleave, notes
from shared.domains import Directory
from shared.store import open_store
from shared.suppressions import Suppressions, is_suppressed
from shared.suppressions.compact import compact
from shared.suppressions.csv_lines import read
from shared.suppressions.importing import import_rows
from shared.suppressions.known import Known

SUPPRESSED = 1_000_000
ASKED = 100_000
LIMIT_US = 10.0
LIMIT_MB = 50.0
DOMAIN = "example.org"
TIMEOUT_S = 300
_SEED = 5
_KIB_PER_MB = 1_000_000 / 1024


@dataclass(frozen=True, slots=True)
class Checked:
    """One process."""

    check_us: float
    """Per Recipient, with all that belongs to it: the digest, too."""
    memory_mb: float
    """The most that it had, above what it had before it loaded them."""


def rows(announce: Announce) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="ekiden-suppressions-") as directory:
        url = cache(lambda: filled(Path(directory), SUPPRESSED))
        sides: dict[str, Callable[[int], Checked]] = {"a million": lambda _: checked(url())}
        sample = interleave(sides, announce)["a million"]
    said = notes(sample)
    return [
        Row(
            name="check of one Recipient, 1,000,000 suppressed",
            figure=sample.median(lambda run: run.check_us),
            unit="µs",
            peer=LIMIT,
            peer_figure=LIMIT_US,
            target=Target("≤", 1),
            note=said,
        ),
        Row(
            name="memory for 1,000,000 suppressed, loading them included",
            figure=sample.median(lambda run: run.memory_mb),
            unit="MB",
            peer=LIMIT,
            peer_figure=LIMIT_MB,
            target=Target("≤", 1),
            note=said,
        ),
    ]


def filled(place: Path, number: int) -> str:
    """The URL of a store where so many are suppressed, as an import leaves them."""
    url = interface.file_store(place)
    asyncio.run(_fill(url, number))
    return url


async def _fill(url: str, number: int) -> None:
    store = open_store(url)
    try:
        rows_read = read(_lines(number), time.time())
        done = await import_rows(store, DOMAIN, rows_read, Known(), time.time())
        await compact(store, DOMAIN, time.time)
    finally:
        await store.close()
    if done.added != number:
        raise Unmeasured(f"{done.added} of {number} were imported")


def _address(number: int) -> str:
    return f"reader-{number:07d}@{number % 997}.example"


def _lines(number: int) -> Iterator[bytes]:
    return (f"{_address(each)},unsubscribed\n".encode() for each in range(number))


def checked(url: str) -> Checked:
    command = [sys.executable, "-m", "benchmarks.suppressions", url]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if ran.returncode:
        raise Unmeasured((ran.stderr.strip().splitlines() or ["no message"])[-1])
    return Checked(**json.loads(ran.stdout))


async def _check(url: str) -> Checked:
    store = open_store(url)
    chance = random.Random(_SEED)
    suppressions = Suppressions(store, Directory(store, time.time))
    try:
        await suppressions.of("nobody.example")  # opens the file
        before_kib = _kib("VmRSS")
        known = await suppressions.of(DOMAIN)
    finally:
        await store.close()
    memory_mb = (_kib("VmHWM") - before_kib) / _KIB_PER_MB
    asked = [_address(chance.randrange(2 * SUPPRESSED)) for _ in range(ASKED)]
    start = time.perf_counter()
    found = sum(is_suppressed(address, known) for address in asked)
    duration_s = time.perf_counter() - start
    if not ASKED * 0.4 < found < ASKED * 0.6:
        raise Unmeasured(f"{found} of {ASKED} were found")
    return Checked(duration_s / ASKED * 1_000_000, memory_mb)


def _kib(field: str) -> int:
    """`VmRSS`: what it holds now; `VmHWM`: the most that it has held. (`ru_maxrss` would count the
    process that started this one.)"""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError as error:
        raise SystemExit("this system has no /proc/self/status") from error
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field))


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_check(sys.argv[1])))))
