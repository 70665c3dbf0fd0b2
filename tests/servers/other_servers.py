"""Servers that stand beside Postfix: each a process of its own, ended when its context closes."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from free_ports import free_port
from private_postfix import program

from benchmarks.loopback import wait_until_listens


@contextmanager
def process(command: Sequence[str | Path], port: int) -> Iterator[None]:
    """Run it until the context closes. It is ready when it listens."""
    server = subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until_listens(port)
        yield
    finally:
        server.terminate()
        server.wait(10)


@contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder that daemons without root can pass."""
    made = Path(tempfile.mkdtemp(prefix="ekiden-servers-"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def running_postgrey(delay_s: int) -> Iterator[int]:
    """A policy server that wants to see every stranger twice. Raises `ServerMissing`."""
    with folder() as place:
        shutil.chown(place, "postgrey")
        port = free_port()
        command = [program("postgrey", "postgrey"), f"--inet=127.0.0.1:{port}", f"--dbdir={place}"]
        with process([*command, f"--delay={delay_s}", "--auto-whitelist-clients=0"], port):
            yield port


@contextmanager
def running_smtp_sink(*options: str) -> Iterator[str]:
    """Postfix's test server with its faults; gives the route to it. Raises `ServerMissing`."""
    port = free_port()
    sink = [program("smtp-sink", "postfix"), "-u", "nobody", *options]
    with process([*sink, f"127.0.0.1:{port}", "100"], port):
        yield f"smtp://127.0.0.1:{port}"
