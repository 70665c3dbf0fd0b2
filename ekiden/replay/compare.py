"""How what would be written differs from what is there. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff

import msgspec

from shared.codec import unpack
from shared.errors import Malformed

MOST_LINES = 200
"""Of one object's difference."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One work object, as it was made again, beside what stands under its key."""

    key: str
    made: bytes
    there: bytes | None
    """None: nothing, as when its stage is done with it."""

    @property
    def word(self) -> str:
        if self.there is None:
            return "not there"
        return "same" if self.made == self.there else "differs"

    def difference(self) -> Iterator[str]:
        """Lines of a unified diff; JSON is laid out first, a field a line."""
        if self.word == "same":
            return
        before = _lines(self.there) if self.there is not None else []
        diff = unified_diff(before, _lines(self.made), "there", "replayed", lineterm="", n=1)
        for number, line in enumerate(diff):
            if number == MOST_LINES:
                yield "… and more: --output writes the whole object to a file"
                return
            yield line


def _lines(body: bytes) -> list[str]:
    try:
        plain = bytes(unpack(body))
    except Malformed as error:
        return [f"({error})"]
    lines: list[str] = []
    for line in plain.splitlines():
        lines += _laid_out(line)
    return lines


def _laid_out(line: bytes) -> list[str]:
    try:
        return msgspec.json.format(line, indent=2).decode().splitlines()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return [line.decode("utf-8", "backslashreplace")]
