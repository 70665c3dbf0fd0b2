"""What a check saw, and what it needs to look at."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ekiden.bucket.place import Place, place_of
from shared.config import Config
from shared.stage import Clock
from shared.store.base import Store


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    """Mail goes out, but not as it should, or not for long."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """There was nothing to look at."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    state: State
    seen: str
    advice: str = ""
    """What to do; "" when all is well."""
    about: str = ""
    """Which one of several: a Domain, a URL, an address."""


def ok(seen: str, about: str = "") -> Finding:
    return Finding(State.OK, seen, about=about)


def warning(seen: str, advice: str, about: str = "") -> Finding:
    return Finding(State.WARNING, seen, advice, about)


def failed(seen: str, advice: str, about: str = "") -> Finding:
    return Finding(State.FAILED, seen, advice, about)


def skipped(seen: str, advice: str = "") -> Finding:
    return Finding(State.SKIPPED, seen, advice)


@dataclass(frozen=True, slots=True)
class Scene:
    """What the checks look at."""

    config: Config
    store: Store
    clock: Clock
    smtp: str = ""
    """`host` or `host:port` to knock at, in place of a well-known one."""

    @property
    def place(self) -> Place | None:
        """The bucket; None: the store is a file, or memory."""
        return place_of(self.config.store.url)


@dataclass(frozen=True, slots=True)
class Check:
    """One check, by its name."""

    name: str
    run: Callable[[Scene], Coroutine[Any, Any, list[Finding]]]
    meaning: str
    timeout_s: float = 15.0
    after: str = ""
    """A check that has to be well before this one says anything."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one check found."""

    check: str
    findings: list[Finding]

    @property
    def failed(self) -> bool:
        return any(finding.state is State.FAILED for finding in self.findings)
