"""A sink: takes mail, throws it away, counts. Postfix's `smtp-sink`, or our own without it."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

from benchmarks.loopback import HOST, free_port, wait_until_listens

BACKLOG = 1000
POLL_S = 0.005
STALLED_S = 20.0
_COUNTERS = re.compile(rb"mesg=(\d+)")


class Sink:
    """A running sink.

    `smtp-sink -c` writes a line of counters after every message. It goes to a file, so that
    counting wakes nobody up, and the last bytes of the file say how many came.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self._dir = Path(tempfile.mkdtemp(prefix="ekiden-sink-"))
        self._counters = os.open(self._dir / "counters", os.O_RDWR | os.O_CREAT)
        self.name, command = _command(self.port)
        self._process = subprocess.Popen(
            command, stdout=self._counters, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
        wait_until_listens(self.port)

    def __enter__(self) -> "Sink":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait(10)
        os.close(self._counters)
        shutil.rmtree(self._dir, ignore_errors=True)

    @property
    def count(self) -> int:
        """Messages taken so far."""
        end = os.fstat(self._counters).st_size
        tail = os.pread(self._counters, 256, max(0, end - 256))
        found = _COUNTERS.findall(tail)
        return int(found[-1]) if found else 0

    def wait_for(self, count: int, timeout_s: float) -> float:
        """Wait until `count` messages in all have come; the `time.monotonic()` of that.

        Raises `TimeoutError` with the number that did come, also when no more are coming.
        """
        now = time.monotonic()
        deadline, came, last = now + timeout_s, -1, now
        while (come := self.count) < count:
            now = time.monotonic()
            if come != came:
                came, last = come, now
            if now > min(deadline, last + STALLED_S):
                raise TimeoutError(f"{come} of {count} messages reached the sink")
            time.sleep(POLL_S)
        return time.monotonic()


def _command(port: int) -> tuple[str, list[str]]:
    """The sink's name, and how to start it on `port`."""
    program = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        return "own sink", [sys.executable, "-m", "benchmarks.own_sink", str(port)]
    # Started by root it insists on a user to become.
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    return "smtp-sink", [program, "-c", *user, f"{HOST}:{port}", str(BACKLOG)]
