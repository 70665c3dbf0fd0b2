"""The sender alone: mails that are ready, 20 connections to a sink, one core.

The row is the whole stage: Bags in a SQLite file, read under their leases, transmitted, Outcomes
stored, Bags gone. Beside it stand the stage over a store in memory, and the transmitter without any
store. All clients run on one and the same core, in turns, and send the same number of mails of the
same size; `smtp-source` keeps its connections, too (`-d`), which makes it faster.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

from benchmarks import inside
from benchmarks.loopback import HOST
from benchmarks.postfix import program
from benchmarks.row import Announce, Row, Sample, Target, Unmeasured, interleave, notes
from benchmarks.sender_process import CONNECTIONS
from benchmarks.sink import Sink

MAILS = 10_000
TIMEOUT_S = 120
AGAINST_SOURCE, AGAINST_AIOSMTPLIB = 0.4, 2.0
STAGE, IN_MEMORY, BARE, AIOSMTPLIB = (
    "stage over a file",
    "stage in memory",
    "transmitter",
    "aiosmtplib",
)
SOURCE = "smtp-source"


def rows(announce: Announce) -> list[Row]:
    with Sink() as sink:
        ways = (STAGE, IN_MEMORY, BARE, AIOSMTPLIB)
        sides: dict[str, Callable[[int], float]] = {way: partial(_rate, way, sink) for way in ways}
        sides[SOURCE] = lambda n: _source_rate(sink)
        samples = interleave(sides, announce)
        described = f"{sink.name}, {CONNECTIONS} connections, one core"
    alone = f"sender alone ({described})"
    stored = "Bags in SQLite, Outcomes stored"
    return [
        _row(f"{alone}, {stored}", samples[STAGE], samples[SOURCE], SOURCE),
        _row(f"{alone}, {stored}, against aiosmtplib", samples[STAGE], samples[AIOSMTPLIB]),
        _row(
            f"{alone}, Bags in memory, Outcomes stored", samples[IN_MEMORY], samples[SOURCE], SOURCE
        ),
        _row(f"{alone}, the transmitter without a store", samples[BARE], samples[SOURCE], SOURCE),
    ]


def _row(name: str, ours: Sample[float], peer: Sample[float], peer_name: str = AIOSMTPLIB) -> Row:
    source = peer_name == SOURCE
    return Row(
        name=name,
        figure=ours.median(float),
        unit="/s",
        peer=f"{SOURCE} -d -s 20 -l 5120" if source else f"aiosmtplib, {CONNECTIONS} kept clients",
        peer_figure=peer.median(float),
        target=Target("≥", AGAINST_SOURCE if source else AGAINST_AIOSMTPLIB),
        note=notes(ours, peer),
    )


def _rate(way: str, sink: Sink, n: int, count: int = MAILS) -> float:
    """Mails per second of one process of ours."""
    before = sink.count
    command = [sys.executable, "-m", "benchmarks.sender_process", way, str(sink.port), str(count)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        _to_one_core(process)
        assert process.stdout is not None
        process.stdout.readline()
        try:
            said, errors = process.communicate("go\n", timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    if process.returncode:
        raise Unmeasured(f"{way} failed: {errors.strip().splitlines()[-1]}")
    sink.wait_for(before + count, TIMEOUT_S)
    return count / float(said)


def _source_rate(sink: Sink, count: int = MAILS) -> float:
    """Mails per second of Postfix's load generator, its start (milliseconds) included."""
    before = sink.count
    options = ["-d", "-s", str(CONNECTIONS), "-l", str(inside.MAIL_BYTES), "-m", str(count)]
    addresses = ["-f", "news@example.org", "-t", "reader@one.example", "-M", "sender.example.org"]
    start = time.monotonic()
    process = subprocess.Popen([program(SOURCE), *options, *addresses, f"{HOST}:{sink.port}"])
    _to_one_core(process)
    try:
        return count / (sink.wait_for(before + count, TIMEOUT_S) - start)
    finally:
        process.kill()
        process.wait()


def _to_one_core(process: "subprocess.Popen[str] | subprocess.Popen[bytes]") -> None:
    """Always the same one; the threads that it starts stay there, too."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})
