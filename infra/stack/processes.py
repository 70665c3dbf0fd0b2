"""The stack's processes: started, watched, started again when they die, and stopped."""

import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from infra.stack.guardian import guardian, kill_group
from infra.stack.parts import Part

READY_WITHIN_S = 60.0
LOOK_EVERY_S = 0.25
PATIENCE_S = 20.0
"""For what is in flight, when the stack stops."""


class DidNotStart(Exception):
    """A part ended at once, or does not answer; the message ends with its log's last line."""


class Processes:
    """Keeps its parts alive until it is stopped, as an orchestrator does."""

    def __init__(self, parts: Sequence[Part], folder: Path) -> None:
        self._parts = {part.name: part for part in parts}
        self._logs = folder / "logs"
        self._sockets = folder / "run"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._watch = threading.Thread(target=self._watch_over, daemon=True)
        self.restarts = 0

    def start(self) -> None:
        """Return when all answer. Raises `DidNotStart`."""
        self._logs.mkdir(parents=True, exist_ok=True)
        for part in self._parts.values():
            self._launch(part)
        for part in self._parts.values():
            self._wait_for(part)
        self._watch.start()

    def _launch(self, part: Part) -> None:
        own = self._sockets / part.name  # where gunicorn's control socket is the only one
        own.mkdir(parents=True, exist_ok=True)
        with (self._logs / f"{part.name}.log").open("ab") as log:
            self._running[part.name] = guardian().start(
                part.command,
                env={**part.environment, "XDG_RUNTIME_DIR": str(own)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _wait_for(self, part: Part) -> None:
        process = self._running[part.name]
        tries = int(READY_WITHIN_S / LOOK_EVERY_S)
        for _ in range(tries):
            if process.poll() is not None:
                raise DidNotStart(
                    f"{part.name} ended with {process.returncode}: {self._last(part)}"
                )
            if _answers(part.health):
                return
            with suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_EVERY_S)  # the time between two looks, unless it ends
        raise DidNotStart(f"{part.name} does not answer at {part.health}: {self._last(part)}")

    def _last(self, part: Part) -> str:
        lines = (self._logs / f"{part.name}.log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def kill(self, name: str) -> None:
        """End it as a power cut would: with all its workers, at once. It is started again."""
        with self._lock:
            kill_group(self._running[name].pid)

    def _watch_over(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            with self._lock:
                for name, process in list(self._running.items()):
                    if process.poll() is not None and not self._stopping.is_set():
                        guardian().bury(process)
                        self.restarts += 1
                        self._launch(self._parts[name])

    def stop(self) -> None:
        """Let everything finish what it has begun; what takes too long is killed."""
        with self._lock:
            self._stopping.set()
        for process in self._running.values():
            with suppress(ProcessLookupError):
                process.terminate()
        for process in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE_S)
            guardian().bury(process)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True  # it lives, and says so
    except OSError:
        return False
    return True
