"""Hides the tags of Jinja2 from libraries that know HTML alone, and puts them back. Pure.

    "<p>{{ name }}{% if x %}!{% endif %}</p>"   →   "<p>j0m00000zj0m00001z!j0m00002z</p>"

A mark is a word in lower-case letters and digits: it may stand in a text, an attribute, a URL or a
style sheet, and no parser changes it. Comments of Jinja2 are left out.
"""

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import count

from jinja2 import Environment, TemplateSyntaxError

from functions.admin.templates.fault import Fault

MAX_TOKENS = 10_000
"""Names, operators and brackets of all tags together: `submit` takes no more. So there are at most
5,000 tags, and a word has room for their numbers."""

_LEXER = Environment(autoescape=False, keep_trailing_newline=True)  # only splits, renders nothing
_SPACE = ("data", "whitespace")
_LINE_END = re.compile(r"\r\n?")
_BEGINS = {"variable_begin": "variable_end", "block_begin": "block_end", "raw_begin": "raw_end"}
_KINDS = {"block_begin": "statement", "comment_begin": "comment"}
_EDGES: dict[str, Callable[[str], str]] = {
    "variable_begin": lambda text: text[:2],
    "block_begin": lambda text: text[:2],
    "variable_end": lambda text: text.rstrip()[-2:],
    "block_end": lambda text: text.rstrip()[-2:],
    "raw_begin": lambda _: "{% raw %}",
    "raw_end": lambda _: "{% endraw %}",
}
"""Token → how it is written without a `-` and what that takes off."""
_BRACE = r"\{(?=[{%#])"


@dataclass(frozen=True, slots=True)
class Mark:
    """One tag, and the word that stands for it."""

    word: str
    tag: str
    is_statement: bool
    """`{% … %}`: what it does depends on what stands before and behind it."""
    start: int
    """Where the tag begins in the source."""


@dataclass(frozen=True)
class Marked:
    """A source whose tags are hidden."""

    source: str
    """With one character for each line end."""
    text: str
    marks: tuple[Mark, ...]
    salt: str
    places: tuple[tuple[int, int], ...]
    """(where in `text`, where in `source`) each stretch begins."""

    @cached_property
    def by_word(self) -> dict[str, Mark]:
        return {mark.word: mark for mark in self.marks}

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Finds the words."""
        return re.compile(rf"{self.salt}\d{{5}}z")

    def words_in(self, text: str) -> list[Mark]:
        """The marks in a text, in order."""
        return [self.by_word[word] for word in self.pattern.findall(text)]

    def restored(self, text: str) -> str:
        """The text with the tags in place of their words.

        What only looks like a tag now (a library has decoded `&#123;&#123;`) is kept from being
        one.
        """
        brace = re.compile(rf"{_BRACE}|\{{(?={self.salt}\d{{5}}z)")
        inert = brace.sub('{{ "{" }}', text)
        return self.pattern.sub(lambda found: self.by_word[found[0]].tag, inert)

    def fault(self, why: str, mark: Mark) -> Fault:
        tag = " ".join(mark.tag.split())[:60]
        return Fault(f"{tag}: {why}", *position(self.source, mark.start))

    def fault_at(self, why: str, place: int) -> Fault:
        """A fault at a place of the marked text."""
        stretch = self.places[max(bisect_right(self.places, (place, len(self.source))) - 1, 0)]
        return Fault(why, *position(self.source, stretch[1] + place - stretch[0]))


def position(source: str, place: int) -> tuple[int, int]:
    """(line, column), both from 1."""
    place = min(place, len(source))
    return source.count("\n", 0, place) + 1, place - source.rfind("\n", 0, place)


def mark(source: str) -> Marked:
    """Hide the tags. Raises `Fault`."""
    source = _LINE_END.sub("\n", source)
    salt = _unused(source)
    text, marks, places = [], list[Mark](), list[tuple[int, int]]()
    length = cursor = 0
    for kind, written, piece in _pieces(source):
        start = source.find(written, cursor)
        cursor = start + len(written)
        if kind == "comment":
            continue
        if kind != "data":
            word = f"{salt}{len(marks):05d}z"
            marks.append(Mark(word, piece, kind == "statement", start))
            piece = word
        places.append((length, start))
        text.append(piece)
        length += len(piece)
    return Marked(source, "".join(text), tuple(marks), salt, tuple(places or [(0, 0)]))


def _unused(source: str) -> str:
    lower = source.lower()
    return next(salt for n in count() if (salt := f"j{n}m") not in lower)


def _pieces(source: str) -> list[tuple[str, str, str]]:
    """(`data`, `value`, `statement` or `comment`, as it is written, as it stands by itself).

    What `-` in a tag takes off has been taken off: a tag may get another neighbour now. Raises
    `Fault`.
    """
    pieces: list[tuple[str, str, str]] = []
    kind, end, line, tokens = "data", "", 1, 0
    written: list[str] = []
    plain: list[str] = []
    try:
        for number, token, text in _LEXER.lex(source):
            tokens += token not in _SPACE
            if tokens > MAX_TOKENS:
                raise Fault(f"its tags have more than {MAX_TOKENS} names, operators and brackets")
            if not end and token in (*_BEGINS, "comment_begin"):
                end, line = _BEGINS.get(token, "comment_end"), number
                kind = _KINDS.get(token, "value")
            written.append(text)
            plain.append(_EDGES[token](text) if token in _EDGES else text)
            if token == end or not end:
                pieces.append((kind if end else "data", "".join(written), "".join(plain)))
                written, plain, end = [], [], ""
        if end:
            raise TemplateSyntaxError("it is never ended", line)
    except TemplateSyntaxError as error:
        raise syntax_fault(source, error) from error
    return pieces


def syntax_fault(source: str, error: TemplateSyntaxError) -> Fault:
    """Jinja2 knows the line; the column is that of the line's first tag."""
    line = _LINE_END.sub("\n", source).split("\n")[error.lineno - 1 :][:1]
    found = re.search(r"\{[{%#]", line[0]) if line else None
    column = found.start() + 1 if found else 1
    return Fault(error.message or "it is no Template", error.lineno, column)
