"""The kinds of values that options have: how each is written, checked and shown.

A kind reads text, whether it stood in the file, in the environment or in a flag. What it cannot
read raises ValueError with a sentence that says what to write instead.
"""

import re
from typing import Any

import msgspec

from shared.config_network import mask, parse_nameserver, parse_route

Raw = str | list[str]
"""A value as it was written: text, or a list of texts."""

SECOND, MINUTE, HOUR, DAY = 1.0, 60.0, 3600.0, 86400.0
KIB, MIB, GIB = 1024, 1024**2, 1024**3
SHORTEST_S, LONGEST_S = 0.001, 3650 * DAY


class Kind(msgspec.Struct, frozen=True):
    """What all kinds have in common: one value, which is text."""

    def read(self, raw: Raw) -> Any:
        """The value of `raw`. Raises ValueError."""
        if not isinstance(raw, str):
            raise ValueError("a list stands where one value belongs")
        return self.parse(raw.strip())

    def parse(self, text: str) -> Any:
        return text

    def show(self, value: Any) -> str:
        """The value as a person writes it, without secrets. `parse` reads it back."""
        return str(value)

    @property
    def word(self) -> str:
        """How the documentation calls this kind."""
        return "text"


class Text(Kind, frozen=True):
    """Text that fits `pattern`; `example` is what the refusal advises."""

    name: str
    pattern: str
    example: str
    secret: bool = False

    def parse(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text):
            raise ValueError(f"{self.show(text)!r} is no {self.name}: write it like {self.example}")
        return text

    def show(self, value: str) -> str:
        return mask(value) if self.secret else value

    @property
    def word(self) -> str:
        return self.name


class Route(Kind, frozen=True):
    """A route as `parse_route` reads it; the value stays text."""

    def parse(self, text: str) -> str:
        parse_route(text)
        return text

    def show(self, value: str) -> str:
        return mask(value)

    @property
    def word(self) -> str:
        return "route"


class NameServer(Kind, frozen=True):
    """A name server as `parse_nameserver` reads it; the value stays text."""

    def parse(self, text: str) -> str:
        parse_nameserver(text)
        return text

    @property
    def word(self) -> str:
        return "name servers"


class Whole(Kind, frozen=True):
    """A whole number within bounds, both included."""

    least: int
    most: int

    def parse(self, text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", text) or not self.least <= int(text) <= self.most:
            raise ValueError(f"{text!r} is no whole number from {self.least} to {self.most}")
        return int(text)

    @property
    def word(self) -> str:
        return f"whole number, {self.least} to {self.most}"


class YesNo(Kind, frozen=True):
    """True or false."""

    def parse(self, text: str) -> bool:
        if text.lower() in ("true", "yes", "on", "1"):
            return True
        if text.lower() in ("false", "no", "off", "0"):
            return False
        raise ValueError(f"{text!r} is neither true nor false")

    def show(self, value: bool) -> str:
        return "true" if value else "false"

    @property
    def word(self) -> str:
        return "true or false"


class OneOf(Kind, frozen=True):
    """One of a few words."""

    choices: tuple[str, ...]

    def parse(self, text: str) -> str:
        if text not in self.choices:
            raise ValueError(f"{text!r} is none of {', '.join(self.choices)}")
        return text

    @property
    def word(self) -> str:
        return ", ".join(self.choices[:-1]) + " or " + self.choices[-1]


class Duration(Kind, frozen=True):
    """A length of time; the value is in seconds."""

    def parse(self, text: str) -> float:
        match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)?", text)
        if not match:
            raise ValueError(f"{text!r} is no duration: write it like 250ms, 10s, 5m, 24h or 7d")
        duration_s = _seconds(float(match[1]), match[2] or "s")
        if not SHORTEST_S <= duration_s <= LONGEST_S:
            raise ValueError(f"{text!r} is out of range: 1ms to {LONGEST_S / DAY:g}d")
        return duration_s

    def show(self, value: float) -> str:
        for unit in ("d", "h", "m", "s", "ms"):
            count = round(value / _seconds(1, unit))
            if count and _seconds(count, unit) == value:
                return f"{count}{unit}"
        return f"{value!r}s"

    @property
    def word(self) -> str:
        return "duration"


def _seconds(count: float, unit: str) -> float:
    if unit == "ms":
        return count / 1000  # a product with 0.001 would not be the nearest float
    return count * {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}[unit]


class Size(Kind, frozen=True):
    """An amount of data; the value is in bytes."""

    def parse(self, text: str) -> int:
        match = re.fullmatch(r"([0-9]{1,15})(KiB|MiB|GiB)?", text)
        if not match:
            raise ValueError(f"{text!r} is no size: write it like 1048576, 512KiB, 10MiB or 1GiB")
        size_bytes = int(match[1]) * _UNITS_BYTES[match[2] or ""]
        if not 1 <= size_bytes <= 1024 * GIB:
            raise ValueError(f"{text!r} is out of range: at least 1 byte, at most 1024GiB")
        return size_bytes

    def show(self, value: int) -> str:
        for unit, unit_bytes in _UNITS_BYTES.items():
            if value % unit_bytes == 0:
                return f"{value // unit_bytes}{unit}"
        raise ValueError(f"{value!r} is no whole number of bytes")

    @property
    def word(self) -> str:
        return "size"


_UNITS_BYTES = {"GiB": GIB, "MiB": MIB, "KiB": KIB, "": 1}


class ListOf(Kind, frozen=True):
    """Any number of values of one kind: a YAML list, or text with commas between them."""

    item: Kind

    def read(self, raw: Raw) -> tuple[Any, ...]:
        texts = raw.split(",") if isinstance(raw, str) and raw.strip() else raw or []
        return tuple(self.item.read(text) for text in texts)

    def show(self, value: tuple[Any, ...]) -> str:
        return ", ".join(self.item.show(item) for item in value)

    @property
    def word(self) -> str:
        return f"list of {self.item.word}"
