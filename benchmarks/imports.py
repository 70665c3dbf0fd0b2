"""Import time of each function's module: most of a cold start."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial

from benchmarks.row import Announce, Row, Sample, Target, Unmeasured, interleave, notes

FUNCTIONS = ("submit", "validate", "dispatch", "send")
ROUNDS = 7
SYNC, AIO = "benchmarks.bare_sync", "benchmarks.bare_aio"

_TIMED = """\
import sys, time
start = time.perf_counter()
import {module}
print((time.perf_counter() - start) * 1000, "functions_framework.aio" in sys.modules)
"""


def rows(announce: Announce) -> list[Row]:
    modules = {name: f"functions.{name}.main" for name in FUNCTIONS}
    # The peer is the bare function of the same kind: the asynchronous one costs more.
    kinds = {name: _kind(module) for name, module in modules.items()}
    timed = {**modules, **{kind: kind for kind in kinds.values()}}
    sides: dict[str, Callable[[int], float]] = {
        name: partial(_nth_import, module) for name, module in timed.items()
    }
    samples = interleave(sides, announce, rounds=ROUNDS)
    return [_row(name, samples[name], samples[kinds[name]], kinds[name]) for name in modules]


def _row(name: str, ours: Sample[float], bare: Sample[float], kind: str) -> Row:
    return Row(
        name=f"import time of functions.{name}.main",
        figure=ours.median(float),
        unit="ms",
        peer=f"bare functions-framework function ({'async' if kind == AIO else 'sync'})",
        peer_figure=bare.median(float),
        target=Target("≤", 1.5),
        note=notes(ours, bare),
    )


def _kind(module: str) -> str:
    """The bare module to compare with; importing it once also compiles it, as an image does."""
    try:
        return AIO if _import(module)[1] else SYNC
    except Unmeasured:
        return AIO


def _nth_import(module: str, n: int) -> float:
    return _import(module)[0]


def _import(module: str) -> tuple[float, bool]:
    """Milliseconds in a fresh interpreter, without the interpreter's own start; is it async?"""
    ran = subprocess.run(
        [sys.executable, "-c", _TIMED.format(module=module)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    if ran.returncode:
        raise Unmeasured(ran.stderr.strip().splitlines()[-1])
    duration_ms, is_async = ran.stdout.split()
    return float(duration_ms), is_async == "True"
