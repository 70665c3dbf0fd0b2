"""Clients in a process of their own, so that a server is measured and not who asks it.

A module of clients has a `Load`, what is to be done, and says how that went by a `Report`:
`python -m benchmarks.<module>` reads the one as JSON from standard input and prints the other.
"""

import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Protocol, TypeVar

import uvloop

from benchmarks.row import Unmeasured


@dataclass(frozen=True, slots=True)
class Report:
    duration_s: float
    refused: str
    """The first answer that was none of those hoped for, or empty."""


class Counted(Protocol):
    """A `Load`: a dataclass."""

    @property
    def count(self) -> int: ...


L = TypeVar("L", bound=Counted)


def rate(load: Counted, timeout_s: float) -> float:
    """Answers per second, as the module where the load is defined gets them.

    Raises `Unmeasured`.
    """
    ran = subprocess.run(
        [sys.executable, "-m", type(load).__module__],
        input=json.dumps(asdict(load)),  # type: ignore[call-overload]
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    if ran.returncode:
        raise Unmeasured(f"the clients failed: {ran.stderr.strip().splitlines()[-1]}")
    report = Report(**json.loads(ran.stdout))
    if report.refused:
        raise Unmeasured(f"a client was answered: {report.refused}")
    return load.count / report.duration_s


def serve(kind: Callable[..., L], run: Callable[[L], Awaitable[Report]]) -> None:
    """What such a module does when it is run."""

    async def report() -> Report:
        return await run(kind(**json.load(sys.stdin)))

    print(json.dumps(asdict(uvloop.run(report()))))
