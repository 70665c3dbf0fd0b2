"""A function as the image starts it: functions-framework in a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.loopback import HOST


@contextmanager
def function_process(
    source: Path, target: str, port: int, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """It may not listen yet. `HOME` of the environment is where it runs."""
    command = [sys.executable, "-m", "functions_framework", "--source", str(source)]
    process = subprocess.Popen(
        [*command, "--target", target, "--host", HOST, "--port", str(port)],
        env=environment,
        cwd=environment["HOME"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its worker would outlive it
        process.wait()
