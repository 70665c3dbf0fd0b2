"""Cold start: from the start of a function's process to its first useful answer.

Useful is an answer for which the function had to be put together and to ask its store: the work of
an event is looked for, and is gone; a Batch is stored; a sweep is made. The store is a bucket. All
start as in the image, and all, the peer too, have their compiled files.
"""

import http.client
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import content, interface
from benchmarks.bucket import bucket
from benchmarks.functions import function_process
from benchmarks.loopback import HOST, free_port
from benchmarks.row import Announce, Row, Sample, Target, Unmeasured, interleave, notes
from shared import keys

ROOT = Path(__file__).parents[1]
ROUNDS = 9
MOST = Target("≤", 1.6)
BARE = "bare"
WITHIN_S = 30
BETWEEN_CONNECTS_S = 0.001
GONE = {
    "validate": keys.submitted("gone"),
    "dispatch": keys.validated("gone", 0),
    "send": keys.dispatched("gone", 0, 0),
    "bounce": keys.inbound("gone"),
}
"""Stage → a work object that there is not. Only a look into the store tells."""


@dataclass(frozen=True, slots=True)
class Start:
    """What is started, what it is asked first, and what it has to answer."""

    source: Path
    target: str
    request: bytes
    status: int = 204


def rows(announce: Announce) -> list[Row]:
    with bucket() as url, tempfile.TemporaryDirectory(prefix="ekiden-cold-") as directory:
        place = {"EKIDEN_STORE_URL": url}
        environment = _environment(place, Path(directory))
        starts = _starts(interface.provision(place))
        for start in starts.values():
            with suppress(Unmeasured):  # its row says so
                _start_ms(start, environment)  # compiles
        sides: dict[str, Callable[[int], float]] = {
            name: partial(_nth_start, start, environment) for name, start in starts.items()
        }
        samples = interleave(sides, announce, rounds=ROUNDS)
    bare = samples.pop(BARE)
    return [_row(name, ours, bare) for name, ours in samples.items()]


def _row(name: str, ours: Sample[float], bare: Sample[float]) -> Row:
    return Row(
        name=f"cold start of {name}, over a bucket",
        figure=ours.median(float),
        unit="ms",
        peer="bare functions-framework function (async)",
        peer_figure=bare.median(float),
        target=MOST,
        note=notes(ours, bare),
    )


def _environment(place: dict[str, str], directory: Path) -> dict[str, str]:
    """That of the image. Compiled files are written by the first start, apart from the source."""
    left_out = ("EKIDEN_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(left_out)}
    ours = {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(directory / "compiled")}
    return kept | place | ours | {"HOME": str(directory)}


def _starts(api_key: str) -> dict[str, Start]:
    batch = interface.batch_body(content.recipients(1))
    ours = ROOT / "functions"
    starts = {BARE: Start(ROOT / "benchmarks/bare_aio.py", "bare_aio", _post(b""))}
    submitted = interface.submit_bytes(api_key, batch)
    starts["submit"] = Start(ours / "submit/main.py", "submit", submitted, 202)
    for stage, key in GONE.items():
        starts[stage] = Start(ours / stage / "main.py", stage, _event(key))
    starts["sweep"] = Start(ours / "sweep/main.py", "sweep", _post(b""))
    return starts


def _event(key: str) -> bytes:
    return _post(json.dumps({"key": key}).encode())


def _post(body: bytes) -> bytes:
    return f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _nth_start(start: Start, environment: dict[str, str], n: int) -> float:
    return _start_ms(start, environment)


def _start_ms(start: Start, environment: dict[str, str]) -> float:
    """Milliseconds from the start of the process to its answer. Raises `Unmeasured`."""
    port = free_port()
    began = time.perf_counter()
    with function_process(start.source, start.target, port, environment) as process:
        status = _first_answer(process, port, start.request)
        took_ms = (time.perf_counter() - began) * 1000
    if status != start.status:
        raise Unmeasured(f"{start.target} answered {status}, not {start.status}")
    return took_ms


def _first_answer(process: subprocess.Popen[bytes], port: int, request: bytes) -> int:
    """The status of the answer to one request, which waits from when the port is open."""
    with _connected(process, port) as connection:
        connection.sendall(request)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status


def _connected(process: subprocess.Popen[bytes], port: int) -> socket.socket:
    """Raises `Unmeasured` when the process ends, or opens no port."""
    deadline = time.monotonic() + WITHIN_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return socket.create_connection((HOST, port), timeout=WITHIN_S)
        except ConnectionRefusedError:
            time.sleep(BETWEEN_CONNECTS_S)
    raise Unmeasured("it ended, or opened no port")
