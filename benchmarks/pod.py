"""`ekiden pod` as a process: started, watched, stopped, killed."""

import os
import signal
import subprocess
import tempfile
import time
from types import TracebackType

from benchmarks import interface
from benchmarks.loopback import free_port, wait_until_listens
from benchmarks.process_memory import MemoryWatch
from benchmarks.row import Unmeasured

STOP_TIMEOUT_S = 40
LOOK_S = 0.05


class Pod:
    """One process. `side_port` is the one that it answers operators on."""

    def __init__(self, environment: dict[str, str], side_port: int) -> None:
        """Returns when it answers. Raises `Unmeasured`."""
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  closed at the end
        inherited = {name: text for name, text in os.environ.items() if name[:7] != "EKIDEN_"}
        self._process = subprocess.Popen(
            interface.POD,
            env=inherited | environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.memory = MemoryWatch(self._process.pid)
        self.side_port = side_port
        try:
            wait_until_listens(side_port)
        except TimeoutError:
            said = self._last_words()
            self.kill()
            raise Unmeasured(f"ekiden pod did not start: {said}") from None

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def wait_until_idle(self, timeout_s: float = 60) -> None:
        """Return when no work is open. Raises `TimeoutError`."""
        deadline = time.monotonic() + timeout_s
        while not interface.is_idle(self.side_port):
            if time.monotonic() > deadline:
                raise TimeoutError("ekiden pod still has work")
            time.sleep(LOOK_S)

    def kill(self) -> None:
        """kill -9 of it and all that it started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._buried()

    def stop(self) -> None:
        """SIGTERM. Raises `Unmeasured` where it does not end in good order, and in time."""
        self._process.terminate()
        status = self._process.wait(STOP_TIMEOUT_S)
        said = self._last_words()
        self._buried()
        if status:
            raise Unmeasured(f"ekiden pod ended with status {status}: {said}")

    def _buried(self) -> None:
        self.memory.stop()
        self._log.close()

    def __enter__(self) -> "Pod":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()


def sender(store_url: str, route: str, **settings: str) -> Pod:
    """A pod that only sends."""
    side_port = free_port()
    environment = interface.sender_environment(store_url, side_port, route)
    return Pod(environment | settings, side_port)
