"""`ekiden demo --keep` as somebody types it, and what it prints."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ekiden.client import Client

WAIT_S = 30


@dataclass(frozen=True)
class Demo:
    """One that runs."""

    url: str
    token: str
    client: Client


@contextmanager
def running_demo(recipients: int) -> Iterator[Demo]:
    """Ready when it has said where its dashboard is."""
    environment = {name: text for name, text in os.environ.items() if "EKIDEN_" not in name}
    command = [sys.executable, "-m", "ekiden", "demo", "--recipients", str(recipients), "--keep"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**environment, "COLUMNS": "300"}
    )
    try:
        yield _read(process)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(WAIT_S)
        assert process.stdout
        process.stdout.close()


def _read(process: "subprocess.Popen[str]") -> Demo:
    said = ""
    assert process.stdout
    for line in process.stdout:
        said += line
        if "Ctrl-C" in line:
            break
    url = re.search(r"Dashboard: (\S+)/dashboard", said)
    token = re.search(r"Log in with: (\S+)", said)
    key = re.search(r"curl -u '[^:]+:([^']+)'", said)
    assert url, said
    assert token, said
    assert key, said
    return Demo(url[1], token[1], Client(url[1], key[1]))
