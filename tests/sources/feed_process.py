"""A real `ekiden sources` or `ekiden pod`, to stop and to kill."""

import subprocess
import sys
from pathlib import Path

from brokers import kill, start
from free_ports import free_port

NO_STAGES = {
    f"services_{name}": "off"
    for name in ("submit", "validate", "dispatch", "send", "bounce", "sweep")
}


class FeedProcess:
    """One of them, with these options as in the environment, without EKIDEN_."""

    def __init__(self, folder: Path, *words: str, **options: str) -> None:
        given = {f"EKIDEN_{name.upper()}": text for name, text in options.items()}
        self.log = folder / f"feed-{free_port()}.log"
        command = [sys.executable, "-m", "ekiden", *words]
        self.process: subprocess.Popen[bytes] = start(command, self.log, **given)

    def terminate(self) -> int:
        """SIGTERM; the exit status."""
        self.process.terminate()
        return self.process.wait(40)

    def kill(self) -> None:
        if self.process.poll() is None:
            kill(self.process)
