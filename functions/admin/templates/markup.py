"""Reads HTML and MJML as far as it has to be known where a mark stands, and how deep it goes. Pure.

It never changes anything. Parsers differ on what is broken; what the steps make of it is compared
with what was there (`outline`), so a wrong guess here refuses a Template, and breaks none.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from functions.admin.templates.fault import Fault
from functions.admin.templates.marks import Marked

MAX_SOURCE_CHARS = 512 * 1024
"""Of what is compiled. Gmail shows 102 KB of a mail."""
MAX_LEVELS = 200
"""Of elements in each other. The libraries are recursive, and one dies of some thousands."""

_VOID = frozenset(
    (
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta"),
        *("param", "source", "track", "wbr"),
    )
)
"""They have no end (HTML §13.1.2)."""
_CLOSES = {
    "p": {"p"},
    "li": {"li"},
    "dt": {"dt", "dd"},
    "dd": {"dt", "dd"},
    "td": {"td", "th"},
    "th": {"td", "th"},
    "tr": {"td", "th", "tr"},
}
"""Element → which ones it ends when they were left open (HTML §13.1.2.4)."""
_MAY_STAY_OPEN = frozenset({*_CLOSES, "tbody", "thead", "tfoot", "option"})
_IMPLIED = frozenset({"tbody", "colgroup", "style", "link"})
"""What parsers add by themselves, and what the inliner takes away or moves."""

_MARKUP = re.compile(
    r"(?P<comment><!--.*?(?:-->|\Z))"
    r"|(?P<raw><(?P<rawname>style|script|title|textarea)(?=[\s/>]).*?(?:</(?P=rawname)\s*>|\Z))"
    r"|(?P<tag><(?P<close>/?)(?P<name>[a-z][^\s/>]*)"
    r"""(?P<rest>(?:=\s*+(?:"[^"]*+"|'[^']*+')|[^>])*+)(?:>|\Z))"""
    r"|(?P<other><[!?][^>]*+(?:>|\Z))",
    re.DOTALL | re.IGNORECASE,
)
_VALUE = re.compile(r"""=\s*+("[^"]*+"|'[^']*+'|[^\s"'>][^\s>]*+)""")


class Place(Enum):
    """Where a mark stands."""

    TEXT = auto()
    TABLE = auto()
    """In a table, but in no row."""
    ROW = auto()
    """In a row, but in no cell."""
    VALUE = auto()
    """In an attribute's value."""
    TAG = auto()
    """Among attributes, or in an element's name."""
    COMMENT = auto()
    STYLE = auto()
    RAW = auto()
    """In a title or a script, where there are no elements."""


_INSIDE = {
    **dict.fromkeys(("td", "th", "caption"), Place.TEXT),
    **dict.fromkeys(("table", "tbody", "thead", "tfoot"), Place.TABLE),
    "tr": Place.ROW,
}


@dataclass
class Reading:
    """What was found."""

    places: dict[str, Place] = field(default_factory=dict)
    """Mark's word → where it stands (the first time)."""
    outline: list[str] = field(default_factory=list)
    """Statements' words and the elements that begin, in their order."""
    not_paired: tuple[str, int] | None = None
    """(name, place) of the first element that has no end, or end that has no beginning."""


def bounded(marked: Marked) -> Reading:
    """The reading of a source that the libraries can take. Raises `Fault`."""
    if len(marked.text) > MAX_SOURCE_CHARS:
        raise Fault(f"it has more than {MAX_SOURCE_CHARS // 1024} Ki characters")
    if "\x00" in marked.text:
        raise marked.fault_at("it has a NUL character", marked.text.index("\x00"))
    return read(marked.text, marked, MAX_LEVELS)


def read(text: str, marked: Marked, max_levels: int = 10 * MAX_LEVELS) -> Reading:
    """Read a marked text, or what a library made of it. Raises `Fault` if it is nested too deep."""
    reader = _Reader(marked, max_levels)
    end = 0
    for found in _MARKUP.finditer(text):
        reader.content(text[end : found.start()])
        reader.markup(found)
        end = found.end()
    reader.content(text[end:])
    return reader.end()


class _Reader:
    def __init__(self, marked: Marked, max_levels: int) -> None:
        self._marked = marked
        self._max_levels = max_levels
        self._reading = Reading()
        self._open: list[tuple[str, int, Place]] = []
        """(name, where it begins, what place its content is)"""
        self._names: Counter[str] = Counter()

    def content(self, text: str) -> None:
        self._note(text, self._open[-1][2] if self._open else Place.TEXT)

    def end(self) -> Reading:
        if self._open and self._reading.not_paired is None:
            self._reading.not_paired = self._open[-1][:2]
        return self._reading

    def markup(self, found: re.Match[str]) -> None:
        at, name = found.start(), (found["name"] or found["rawname"] or "").lower()
        if found["raw"]:
            self._begin(name, at)
            self._pop()
            self._note(found[0], Place.STYLE if name == "style" else Place.RAW)
        elif found["close"]:
            self._note(found[0], Place.TAG)
            self._end(name, at)
        elif found["tag"]:
            self._attributes(found)
            self._begin(name, at)
            if name in _VOID or found["rest"].endswith("/"):
                self._pop()
        else:
            self._note(found[0], Place.COMMENT)

    def _attributes(self, found: re.Match[str]) -> None:
        rest, end = found["rest"], 0
        self._note(found["name"], Place.TAG)
        for value in _VALUE.finditer(rest):
            self._note(rest[end : value.start(1)], Place.TAG)
            self._note(value[1], Place.VALUE)
            end = value.end(1)
        self._note(rest[end:], Place.TAG)

    def _begin(self, name: str, at: int) -> None:
        while self._open and self._open[-1][0] in _CLOSES.get(name, ()):
            self._pop()
        around = self._open[-1][2] if self._open else Place.TEXT
        self._open.append((name, at, _INSIDE.get(name, around)))
        self._names[name] += 1
        if name not in _IMPLIED:
            self._reading.outline.append(name)
        if len(self._open) > self._max_levels:
            why = f"elements are nested more than {self._max_levels} deep"
            raise self._marked.fault_at(why, at)

    def _pop(self) -> tuple[str, int, Place]:
        popped = self._open.pop()
        self._names[popped[0]] -= 1
        return popped

    def _end(self, name: str, at: int) -> None:
        alone = (f"/{name}", at) if not self._names[name] else None
        while alone is None:
            inner = self._pop()
            if inner[0] == name:
                return
            if inner[0] not in _MAY_STAY_OPEN:
                alone = inner[:2]
                while self._pop()[0] != name:
                    pass
        self._reading.not_paired = self._reading.not_paired or alone

    def _note(self, text: str, place: Place) -> None:
        for mark in self._marked.words_in(text):
            self._reading.places.setdefault(mark.word, place)
            if mark.is_statement:
                self._reading.outline.append(mark.word)


def statements(outline: list[str], marked: Marked) -> Iterator[str]:
    """Of an outline, the statements alone."""
    return (each for each in outline if each in marked.by_word)
