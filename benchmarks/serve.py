"""`ekiden serve` on its own store in a temporary directory, with one Domain and its API key."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

from benchmarks import interface
from benchmarks.loopback import free_port, wait_until_listens
from benchmarks.process_memory import Memory, MemoryWatch, tree
from benchmarks.row import Unmeasured

STOP_TIMEOUT_S = 40


class Serve:
    """A running Ekiden that sends everything to `sink_port`."""

    def __init__(self, sink_port: int, **settings: str) -> None:
        if not Path(interface.PROGRAM).exists():
            raise Unmeasured("ekiden: not installed in this environment")
        self.port = free_port()
        self._dir = Path(tempfile.mkdtemp(prefix="ekiden-serve-"))
        self._environment = os.environ | interface.environment(self._dir, self.port, sink_port)
        self._environment |= settings
        self._log = (self._dir / "serve.log").open("wb")
        try:
            self.key = interface.provision(self._environment)
            self._start()
        except BaseException:
            shutil.rmtree(self._dir, ignore_errors=True)
            raise
        self.client = interface.Client(self.port, self.key)

    def _start(self) -> None:
        # To a file: a pipe that nobody reads would stop it when it is full.
        self._process = subprocess.Popen(
            interface.SERVE, env=self._environment, stdout=self._log, stderr=subprocess.STDOUT
        )
        self._memory = MemoryWatch(self._process.pid)
        try:
            wait_until_listens(self.port)
        except TimeoutError:
            self._end()
            raise Unmeasured(f"serve did not start: {self._last_words()}") from None

    def _last_words(self) -> str:
        lines = (self._dir / "serve.log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def stop(self) -> tuple[Memory | None, int | None]:
        """Let it finish and end; its peak memory, and its requests to the store.

        None where it is not to be had.
        """
        requests = self.requests()
        self._end()
        return self._memory.stop(), requests

    def requests(self) -> int | None:
        """Requests to the store so far; None if it does not answer any more."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            return interface.requests_counted(self.port)
        return None

    def _end(self) -> None:
        family = tree(self._process.pid)
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            for pid in reversed(family):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)
            self._process.wait()

    def __enter__(self) -> "Serve":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.close()
        if self._process.poll() is None:
            self._end()
        self._log.close()
        shutil.rmtree(self._dir, ignore_errors=True)
