"""What one step of the set-up came to."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a step ended."""

    MADE = "made"
    CHANGED = "changed"
    THERE = "there already"
    PLANNED = "planned"
    """A dry run: this is what would be done."""
    BY_HAND = "by hand"
    """No call to the store can do it; the step says what a person has to do."""
    LEFT_OUT = "left out"
    """Nobody asked for it, or a step before it has failed."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Step:
    """One line for a person: what, how it ended, and what there is to know."""

    name: str
    state: State
    detail: str = ""
