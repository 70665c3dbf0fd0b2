"""A process is killed: what it has started ends, and the children of that."""

import subprocess
import sys
from pathlib import Path

from watched import running_with, until

from infra.stack.guardian import left
from infra.stack.parts import ROOT

GUARDING = """
import sys
from infra.stack.guardian import guardian

def start(name):
    # A child of the group's leader, as a worker of gunicorn is.
    return guardian().start(
        ["sh", "-c", "sleep 300 & wait"], env={"NAME": f"{sys.argv[1]}/{name}"}
    )

start("guarded")
guardian().bury(start("buried"))
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_killed_process_takes_along_what_it_has_started(tmp_path: Path) -> None:
    def lives(name: str) -> bool:
        return bool(running_with(f"{tmp_path}/{name}", "environ"))

    pipe = subprocess.PIPE
    command = [sys.executable, "-c", GUARDING, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == b"ready\n"
        until(lambda: lives("guarded"))
        until(lambda: not lives("buried"))
        parent.kill()
        until(lambda: not lives("guarded"))


def test_who_has_ended_is_forgotten() -> None:
    assert left(["+1\n", "+2\n", "-1\n", "+3\n"]) == {2, 3}
