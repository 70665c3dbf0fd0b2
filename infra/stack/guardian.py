"""Nothing outlives the process that started it, however that one ends.

A worker of gunicorn never looks at its master, and the kernel tells the children of a process that
is killed, not theirs. So the guardian, a process of its own, reads from a pipe: a child writes the
id of its group there before it becomes what it shall be. When the pipe ends, because whoever held
its other end has, the guardian kills the groups.
"""

import atexit
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any


class Guardian:
    """Watches over what this process starts."""

    def __init__(self) -> None:
        read, self._write = os.pipe()  # no child inherits them
        self._process = subprocess.Popen(
            [sys.executable, "-I", __file__],
            stdin=read,
            start_new_session=True,  # Ctrl-C is for those whom it guards
        )
        os.close(read)
        atexit.register(self._leave)

    def start(self, command: Sequence[str], **options: Any) -> "subprocess.Popen[bytes]":
        """A process that leads a group of its own; `options` as `Popen` has them."""
        return subprocess.Popen(
            command, start_new_session=True, preexec_fn=self._guard_me, **options
        )

    def _guard_me(self) -> None:
        self._say("+", os.getpid())

    def bury(self, process: "subprocess.Popen[bytes]") -> None:
        """End it at once, if it has not ended, and its children, who may have outlived it."""
        kill_group(process.pid)
        process.wait()
        self._say("-", process.pid)  # which may be another's by now

    def _say(self, sign: str, group: int) -> None:
        with suppress(BrokenPipeError):  # somebody has killed the guardian: work goes on without
            os.write(self._write, f"{sign}{group}\n".encode())

    def _leave(self) -> None:
        os.close(self._write)
        self._process.wait()


@cache
def guardian() -> Guardian:
    """The one of this process, started when it is first asked for."""
    return Guardian()


def kill_group(group: int) -> None:
    """At once; no error if it is gone."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def left(said: Iterable[str]) -> set[int]:
    """The groups that were named and not forgotten, when all is said."""
    groups: set[int] = set()
    for line in said:
        change = groups.add if line[0] == "+" else groups.discard
        change(int(line[1:]))
    return groups


if __name__ == "__main__":
    for each in left(sys.stdin):
        kill_group(each)
