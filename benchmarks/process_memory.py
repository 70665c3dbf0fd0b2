"""The memory of a process and all that it started, watched from outside (Linux)."""

import threading
from dataclasses import dataclass
from pathlib import Path

INTERVAL_S = 0.1
MB = 1_000_000
_KIB = 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """PSS counts a page that n processes share as 1/n of it in each, so its sum is the truth.

    The sum of RSS counts it n times.
    """

    pss_mb: float
    rss_mb: float


class MemoryWatch:
    """Looks at the tree below `pid` ten times a second and keeps the peaks."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak = Memory(0, 0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(INTERVAL_S):
            now = memory_of_tree(self._pid)
            self._peak = Memory(
                max(self._peak.pss_mb, now.pss_mb), max(self._peak.rss_mb, now.rss_mb)
            )

    def stop(self) -> Memory | None:
        """The peaks; None where the system has no /proc/PID/smaps_rollup."""
        self._stop.set()
        self._thread.join()
        return self._peak if self._peak.pss_mb else None


def memory_of_tree(pid: int) -> Memory:
    """What this process and its descendants hold now."""
    seen = [_memory_of(each) for each in tree(pid)]
    return Memory(sum(each.pss_mb for each in seen), sum(each.rss_mb for each in seen))


def tree(pid: int) -> list[int]:
    """This process and its descendants, parents first."""
    found = [pid]
    for parent in found:  # grows while it is read
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            found += [int(child) for child in _read(children).split()]
    return found


def _memory_of(pid: int) -> Memory:
    kib = {"Pss:": 0, "Rss:": 0}
    for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
        name, _, value = line.partition(" ")
        if name in kib:
            kib[name] = int(value.split()[0])
    return Memory(kib["Pss:"] * _KIB / MB, kib["Rss:"] * _KIB / MB)


def _read(path: Path) -> str:
    """Its text; nothing where the process has just ended."""
    try:
        return path.read_text()
    except OSError:
        return ""
