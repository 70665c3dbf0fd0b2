"""A process is killed: whom it guarded ends, whom it has forgotten does not."""

import subprocess
import sys
from pathlib import Path

from watched import running_with, until

from infra.stack.guardian import kill_group
from infra.stack.parts import ROOT

GUARDING = """
import subprocess, sys
from infra.stack.guardian import guardian

def start(name):
    # A child of the group's leader, as a worker of gunicorn is.
    return subprocess.Popen(
        ["sh", "-c", "sleep 300 & wait"],
        env={"NAME": f"{sys.argv[1]}/{name}"},
        start_new_session=True,
        preexec_fn=guardian().guard_me,
    ).pid

start("guarded")
forgotten = start("forgotten")
guardian().forget(forgotten)
print(forgotten, flush=True)
sys.stdin.read()
"""


def test_a_killed_process_takes_along_whom_it_guarded(tmp_path: Path) -> None:
    def lives(name: str) -> bool:
        return bool(running_with(f"{tmp_path}/{name}", "environ"))

    pipe = subprocess.PIPE
    command = [sys.executable, "-c", GUARDING, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe) as parent:
        assert parent.stdout
        forgotten = int(parent.stdout.readline())
        try:
            until(lambda: lives("guarded"))
            parent.kill()
            until(lambda: not lives("guarded"))
            assert lives("forgotten")
        finally:
            kill_group(forgotten)
