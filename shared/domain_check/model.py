"""What a check says. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

LONGEST_SHOWN = 600
"""Characters of what was found: more than any record needs that is right."""
MOST_LISTED = 5


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    """Mail goes out, but is trusted less than it could be, or something does not come back."""
    FAILED = "failed"
    """Receivers refuse mail or distrust it, or what should come back is lost."""
    UNKNOWN = "unknown"
    """Nobody answered, or it cannot be seen from here. It may be all right."""


_WORST_FIRST = (State.FAILED, State.WARNING, State.UNKNOWN, State.OK)


@dataclass(frozen=True, slots=True)
class PasteRecord:
    """A DNS record to publish."""

    type: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    expected: str
    found: str
    why: str
    """Why it matters."""
    about: str = ""
    """Which one of several: a selector, an address, a host."""
    paste: tuple[PasteRecord, ...] = ()
    """What to publish; empty when nothing is missing, or when DNS is not the place."""


def overall(checks: Iterable[Check]) -> State:
    """The worst of all."""
    states = {each.state for each in checks}
    return next((state for state in _WORST_FIRST if state in states), State.OK)


def escaped(check: Check) -> Check:
    """What can be shown anywhere: no control characters, no endless texts."""
    return replace(
        check,
        expected=shown(check.expected),
        found=shown(check.found),
        about=shown(check.about),
        paste=tuple(
            PasteRecord(each.type, printable(each.name), printable(each.value))
            for each in check.paste
        ),
    )


def shown(text: str) -> str:
    """A text of a stranger, escaped and cut."""
    cut = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
    return printable(cut)


def printable(text: str) -> str:
    """Line ends, escape sequences, and what turns the direction of writing, as `\\x1b`."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def listed(texts: Sequence[str], word: str = "and") -> str:
    """`a, b and c`, and how many more there are."""
    named = list(texts[:MOST_LISTED])
    if len(texts) > MOST_LISTED:
        named.append(f"{len(texts) - MOST_LISTED} more")
    return f" {word} ".join(filter(None, [", ".join(named[:-1]), *named[-1:]]))
