"""The pod's memory while 100,000 mails wait in the bucket: they must stay there until their turn.

Once they go to a sink, which takes them as fast as it can; once to a server that answers each
command after ten seconds.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from shutil import copyfile

from benchmarks import inside, interface, pod
from benchmarks.loopback import free_port, wait_until_listens
from benchmarks.process_memory import Memory
from benchmarks.row import LIMIT, Announce, Row, Sample, Target, Unmeasured, interleave, notes
from benchmarks.sink import Sink

MAILS = 100_000
LIMIT_MB = 200.0
SLOWEST_RATE = 400
"""Mails a second to the sink. What is slower would not end in a reasonable time."""
IN_TARPIT_S = 45.0
"""A queue that does not move holds its mails back after 15 s; then the next ones come in."""
BUDGET_S = 240
SENT, TARPIT = "while they are sent", "while their server lets them wait"


def rows(announce: Announce) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="ekiden-full-") as directory:
        full = cache(lambda: filled(Path(directory), MAILS))
        sides: dict[str, Callable[[int], Memory]] = {
            SENT: lambda n: while_sent(full(), MAILS),
            TARPIT: lambda n: in_tarpit(full(), IN_TARPIT_S),
        }
        samples = interleave(sides, announce, budget_s=BUDGET_S)
    return [_row(case, sample) for case, sample in samples.items()]


def _row(case: str, peaks: Sample[Memory]) -> Row:
    pss_mb = peaks.median(lambda peak: peak.pss_mb)
    told = f"RSS; its PSS {pss_mb:.0f} MB" if pss_mb else ""
    return Row(
        name=f"peak memory of the pod, 100,000 Envelopes in the bucket, {case}",
        figure=peaks.median(lambda peak: peak.rss_mb),
        unit="MB",
        peer=LIMIT,
        peer_figure=LIMIT_MB,
        target=Target("≤", 1),
        note="; ".join(filter(None, [told, notes(peaks)])),
    )


def filled(directory: Path, mails: int) -> Path:
    """A store to copy: making its Bags takes longer than anything else here."""
    inside.fill(interface.file_store(directory), inside.addresses(mails))
    return interface.store_path(directory)


def while_sent(full: Path, mails: int) -> Memory:
    """The peak from the start of the pod to the last Outcome."""
    with (
        _copied(full) as store_url,
        Sink() as sink,
        pod.sender(store_url, interface.route_to(sink.port)) as sending,
    ):
        sink.wait_for(mails, 30 + mails / SLOWEST_RATE)
        sending.wait_until_idle()
        return _peak(sending)


def in_tarpit(full: Path, watched_s: float) -> Memory:
    """The peak of so many seconds."""
    with (
        _copied(full) as store_url,
        _tarpit() as port,
        pod.sender(store_url, interface.route_to(port)) as sending,
    ):
        time.sleep(watched_s)
        return _peak(sending)


def _peak(sending: pod.Pod) -> Memory:
    peak = sending.memory.stop()
    if peak is None:
        raise Unmeasured("this system has no /proc/PID/smaps_rollup")
    return peak


@contextmanager
def _copied(full: Path) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="ekiden-waiting-") as directory:
        copyfile(full, interface.store_path(Path(directory)))
        yield interface.file_store(Path(directory))


@contextmanager
def _tarpit() -> Iterator[int]:
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", "benchmarks.tarpit", str(port)]) as process:
        try:
            wait_until_listens(port)
            yield port
        finally:
            process.kill()
