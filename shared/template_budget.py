"""What one rendering of a Template may still do: steps, characters, depth. Never seconds.

Whether a Template renders must not depend on how busy the machine is (same input, same bytes), so
work is counted, and counted before it is done. A step stands for a few microseconds at most:
`NODES_PER_STEP` nodes of a loop's body, `CHARS_PER_STEP` characters that are looked at, one item
of a container, one call.
"""

from collections.abc import ItemsView, Iterable, KeysView, Mapping, ValuesView
from contextvars import ContextVar
from typing import Any

from jinja2.runtime import Undefined

NODES_PER_STEP = 5
CHARS_PER_STEP = 25
MAX_CALL_DEPTH = 30
"""Macros in macros. Python's own limit would depend on who calls us, how deep."""
MAX_NESTING = 30
"""Values in values: to compare them or to print them is recursion, too."""
MAX_ARGUMENT_CHARS = 1000
"""What a filter or method is told besides its subject; else two long texts cost their product."""
MAX_NUMBER_BITS = 4096
"""Arithmetic on numbers up to here takes no time worth counting."""
HASH_BITS = 60
"""Wider numbers can have one hash by design: then a set compares each with all others."""
_WIDE_PAIRS_PER_STEP = 50

SCALARS = (str, int, float, bool, type(None), Undefined)
_CONTAINERS = (list, tuple, range, Mapping, KeysView, ValuesView, ItemsView)


class Exceeded(Exception):
    """The Template did more than it may, or what no Template may."""


class Budget:
    """What one rendering may still do. Every method raises `Exceeded` when that is too much."""

    __slots__ = ("depth", "max_chars", "steps")

    def __init__(self, steps: int, max_chars: int) -> None:
        self.steps = steps
        self.max_chars = max_chars
        self.depth = 0

    def step(self, steps: int = 1) -> None:
        self.steps -= steps
        if self.steps < 0:
            raise Exceeded("it takes more steps than a Template may")

    def hold(self, size_chars: int) -> None:
        """Refuse a text of this size."""
        if size_chars > self.max_chars:
            raise Exceeded("it makes more text than a Template may")

    def make(self, size_chars: int) -> None:
        """Count a text that is going to be made, or looked at."""
        self.hold(size_chars)
        self.step(1 + size_chars // CHARS_PER_STEP)

    def weigh(self, value: Any) -> None:
        """Count a value with all that is inside, as an operation on it has to look at it.

        A list can hold one list many times, and that one another: such a tree is counted out only
        as far as the steps last.
        """
        if isinstance(value, str):
            self.make(len(value))
            return
        size_chars = wide = 0
        level: list[Any] = [value]
        for _ in range(MAX_NESTING):
            below: list[Any] = []
            for inner in level:
                if isinstance(inner, str):
                    size_chars += len(inner)
                elif isinstance(inner, int):
                    wide += inner.bit_length() > HASH_BITS
                elif not isinstance(inner, SCALARS):
                    below += self._opened(inner)
            if not below:
                self.make(size_chars)
                self.step(wide * wide // _WIDE_PAIRS_PER_STEP)
                return
            level = below
        raise Exceeded(f"values are nested more than {MAX_NESTING} deep")

    def _opened(self, value: Any) -> Iterable[Any]:
        """What is in a container. Anything but data is refused: its text may name an address."""
        if not isinstance(value, _CONTAINERS):
            raise Exceeded(f"a {type(value).__name__} is no value to work with")
        self.step(len(value))
        return (*value, *value.values()) if isinstance(value, Mapping) else value

    def weigh_argument(self, value: Any) -> None:
        """Count what a filter or a method is told besides its subject."""
        self.weigh(value)
        if isinstance(value, str) and len(value) > MAX_ARGUMENT_CHARS:
            raise Exceeded(f"an argument has more than {MAX_ARGUMENT_CHARS} characters")

    def enter(self) -> None:
        """Count a call, until `leave`."""
        self.step()
        self.depth += 1
        if self.depth > MAX_CALL_DEPTH:
            raise Exceeded(f"calls are nested more than {MAX_CALL_DEPTH} deep")

    def leave(self) -> None:
        self.depth -= 1


CURRENT: ContextVar[Budget] = ContextVar("template budget")
"""The budget of the rendering that runs here."""


def current() -> Budget:
    return CURRENT.get()
