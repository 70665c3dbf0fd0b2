"""The lives of a server that is killed, or stopped, in the middle of its work, again and again.

Each life begins with what the one before has left, and ends at a random moment after 20 connections
are busy. The sink (`holding_sink.py`) keeps each mail for a while before it answers, and has taken
it when the final dot has come; so nobody who is killed can do without repeats.
"""

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from benchmarks.loopback import free_port, wait_until_listens
from benchmarks.row import Unmeasured

CONNECTIONS = 20
HOLD_MS = 30
BUSY = 16
"""Mails that the sink holds at the same moment, when 20 connections are at work."""
RANDOM_S = 0.15
"""A life ends within so long of that moment."""
LIFE_TIMEOUT_S = 60
LOOK_S = 0.002


@dataclass(frozen=True, slots=True)
class Plan:
    """How many mails, and how the lives end: `True` is a kill."""

    mails: int
    ends: tuple[bool, ...]
    seed: int

    @staticmethod
    def of(mails: int, kills: int, stops: int, seed: int) -> "Plan":
        """The stops are spread evenly."""
        ends = [True] * kills
        for n in range(stops):
            ends.insert((n + 1) * (kills + stops) // (stops + 1), False)
        return Plan(mails, tuple(ends), seed)


@dataclass(slots=True)
class Tally:
    """What became of the mails."""

    ended: list[bool] = field(default_factory=list)
    """How each life ended, that was still busy: `True` is a kill."""
    held: list[int] = field(default_factory=list)
    """By life: mails that the sink had taken and not answered when it ended. These nobody who is
    killed can know of."""
    repeats: Counter[int] = field(default_factory=Counter)
    """By the number of the life that ended between the two."""
    repeated: set[str] = field(default_factory=set)
    """Recipients."""
    changed: int = 0
    """Repeats that were not the same to the byte."""
    lost: int = 0
    unmarked: int = 0
    """Repeats whose Outcome does not say so. Postfix marks none."""

    @property
    def after_kills(self) -> list[int]:
        return [self.repeats[life] for life, killed in enumerate(self.ended) if killed]

    @property
    def held_at_kills(self) -> list[int]:
        return [held for held, killed in zip(self.held, self.ended, strict=True) if killed]

    @property
    def median(self) -> float:
        """Repeats per kill."""
        return statistics.median(self.after_kills)

    @property
    def wrong(self) -> int:
        """Mails with which something happened that never may."""
        return self.lost + self.changed + self.unmarked + self.after_stops

    @property
    def after_stops(self) -> int:
        return sum(self.repeats[life] for life, killed in enumerate(self.ended) if not killed)


class Server(Protocol):
    """One that sends, with the mails in its queue."""

    def start(self) -> None: ...

    def kill(self) -> None: ...

    def stop(self) -> None: ...

    def is_done(self) -> bool:
        """Nothing is left in its queue."""


class Records:
    """What `holding_sink` has written: one line for each change."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("rb")
        self.connections = 0
        self.held = 0
        self.taken: list[tuple[str, str]] = []
        """(recipient, digest) in the order in which they came."""
        self.recipients: set[str] = set()

    def close(self) -> None:
        self._file.close()

    def read(self) -> "Records":
        while line := self._file.readline():
            if not line.endswith(b"\n"):
                self._file.seek(-len(line), os.SEEK_CUR)
                break
            connections, held, *mail = line.decode().split()
            self.connections, self.held = int(connections), int(held)
            if mail:
                self.taken.append((mail[0], mail[1]))
                self.recipients.add(mail[0])
        return self

    @property
    def is_quiet(self) -> bool:
        return not (self.connections or self.held)


@contextmanager
def holding_sink(hold_ms: float = HOLD_MS) -> Iterator[tuple[int, Records]]:
    """(its port, its records)"""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.holding_sink", str(port), str(hold_ms)]
    with tempfile.TemporaryDirectory(prefix="ekiden-kill-") as directory:
        file = Path(directory, "records")
        with file.open("wb") as written, subprocess.Popen(command, stdout=written) as process:
            try:
                wait_until_listens(port)
                with closing(Records(file)) as records:
                    yield port, records
            finally:
                process.kill()


def live(server: Server, records: Records, plan: Plan) -> Tally:
    """All lives of the plan, and one more that finishes. Raises `Unmeasured`, `TimeoutError`."""
    chance = random.Random(plan.seed)
    tally, marks = Tally(), list[int]()
    for kill in plan.ends:
        server.start()
        if not _becomes_busy(records, plan.mails):
            server.stop()
            break
        time.sleep(chance.uniform(0, RANDOM_S))
        tally.held.append(records.read().held)
        (server.kill if kill else server.stop)()
        _wait(lambda: records.read().is_quiet)
        marks.append(len(records.taken))
        tally.ended.append(kill)
    server.start()
    _wait(server.is_done)
    server.stop()
    _count(records.read(), marks, plan.mails, tally)
    if not tally.after_kills:
        raise Unmeasured("no life was long enough for a kill")
    return tally


def _becomes_busy(records: Records, mails: int) -> bool:
    """False: all mails have come before it did."""
    _wait(lambda: records.read().held >= BUSY or len(records.recipients) == mails)
    return records.held >= BUSY


def _wait(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIFE_TIMEOUT_S
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError(f"a life did not get on within {LIFE_TIMEOUT_S} s")
        time.sleep(LOOK_S)


def _count(records: Records, marks: list[int], mails: int, tally: Tally) -> None:
    """A repeat belongs to the first life that ended after the mail had come before."""
    last: dict[str, tuple[int, str]] = {}
    life = 0
    for place, (recipient, digest) in enumerate(records.taken):
        while life < len(marks) and place >= marks[life]:
            life += 1
        if recipient in last:
            before, same = last[recipient]
            tally.repeats[before] += 1
            tally.repeated.add(recipient)
            tally.changed += digest != same
        last[recipient] = (life, digest)
    tally.lost = mails - len(last)
