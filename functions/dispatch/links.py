"""Where the links of an HTML text are, and the end of its body. Pure.

The text comes in pieces: what the Template says, and what was filled in. What the Template says is
the same for all Recipients, so its scan is remembered: a Batch is parsed once, and only what is
built around a Recipient's own fields is looked at again. Nothing is parsed into a tree and written
out again: every byte that is no link stays as it was, also of HTML that is none.

The scan follows the tokens of the HTML standard (§13.2.5): tags with their attributes, comments,
and elements whose content is text (`<style>`, `<script>`, …).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from functions.dispatch.attribute_text import as_read

_BLANKS = " \t\n\r\f"
"""White space to the HTML standard; `\\s` is more than that."""
_S = f"[{_BLANKS}]"
_NAME = f"[^{_BLANKS}/>][^{_BLANKS}/>=]*+"
_EQUALS = f"{_S}*+={_S}*+"
_UNQUOTED = f"""[^{_BLANKS}>"'][^{_BLANKS}>]*+"""
# A quote that is not closed swallows what follows: then there is no value, and the tag has no end.
_VALUE = f"""(?:"[^"]*+"|'[^']*+'|{_UNQUOTED}|(?=>))"""
_ATTRIBUTE = f"{_NAME}(?:{_EQUALS}{_VALUE}|(?!{_S}*+=))"
_TAG = re.compile(f"<(/?)([a-zA-Z][^{_BLANKS}/>]*+)((?:[{_BLANKS}/]++|{_ATTRIBUTE})*+)>")
_ATTRIBUTES = re.compile(f"""({_NAME})(?:{_EQUALS}(?:"([^"]*+)"|'([^']*+)'|({_UNQUOTED})|))?+""")
_MARKUP = re.compile(r"<(?:[!?/a-zA-Z]|\Z)")
_IS_TAG = re.compile(r"</?[a-zA-Z]")
_EMPTY_COMMENT = re.compile(r"<!---?>")
_COMMENT_END = re.compile(r"--!?>")
_RAW = {
    name: re.compile(rf"</{name}(?=[{_BLANKS}/>])", re.IGNORECASE | re.ASCII)
    for name in ("script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes")
} | {"plaintext": re.compile(r"(?!)")}
"""Elements whose content is text, and what ends it. `noscript` is not one: no mail program runs
scripts."""
_WEB = re.compile(r"https?:[/\\]{2}", re.IGNORECASE | re.ASCII)
"""Without the slashes, browsers take it for relative when the page has the same scheme."""
LOOKED_AT_AGAIN_CHARS = 1024
"""Up to this length, what is open is looked at with each piece; above, when it has doubled."""


@dataclass(frozen=True, slots=True)
class Link:
    """The value of an `href`."""

    url: str
    """As a browser reads it (URL standard §4.4)."""
    raw: str
    """As it stands in the text."""


class BodyEnd:
    """A place before `</body>`; where there is none, the end of what a browser shows."""


BODY_END = BodyEnd()
Part = str | Link | BodyEnd


@dataclass(frozen=True, slots=True)
class _Scan:
    parts: tuple[Part, ...]
    tail: int
    """Where something begins that is not at its end yet: a tag, a comment, a style sheet."""


_NOTHING = _Scan((), 0)


def parts_of(pieces: Iterable[str]) -> list[Part]:
    """The text again, cut where there are links and where the body ends."""
    found: list[Part] = []
    open_ = _Open()
    for marked in pieces:
        # The Template engine marks what it has escaped by a type that escapes what is added to it.
        piece = marked if type(marked) is str else "".join((marked,))
        start = 0
        if open_.size_chars:
            end = open_.end_with(piece)
            if end < 0:
                continue
            whole = open_.text
            found += _cut(whole, end)
            start = end - (len(whole) - len(piece))
            if start < 0:  # it ended in an earlier piece, or the cut went through `</style`
                piece, start = whole[end:], 0
            open_.begin("")
        if "<" not in piece:
            found.append(piece[start:])
            continue
        scan = _remembered.of(piece, start)
        found += scan.parts
        if scan.tail < len(piece):
            open_.begin(piece[scan.tail :])
    return _ended(found, open_.text)


def _cut(text: str, end: int) -> Iterator[Part]:
    """What begins with this text and ends there, cut."""
    done = 0
    for at, until, part in _inside(text, 0):
        yield text[done:at]
        if part:
            yield part
        done = until
    yield text[done:end]


def _ended(found: list[Part], rest: str) -> list[Part]:
    """With what was still open when the text ended: a browser drops a tag that does not end."""
    scan = _scan(rest, 0) if rest else _NOTHING
    found += scan.parts
    if BODY_END not in found:
        found.append(BODY_END)
    return [*found, rest[scan.tail :]] if rest[scan.tail :] else found


class _Open:
    """Something that is not at its end yet.

    It is not looked at with each piece that comes: thousands of them, in a style sheet that nothing
    ends, would take a time that grows with the square of their number.
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self.size_chars = 0
        self._again_at_chars = 0

    def begin(self, text: str) -> None:
        self._pieces = [text]
        self.size_chars = len(text)
        self._again_at_chars = 0

    @property
    def text(self) -> str:
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    def end_with(self, piece: str) -> int:
        """Where it ends, with one more piece; -1 if it does not, or nobody has looked."""
        self._pieces.append(piece)
        self.size_chars += len(piece)
        if ">" not in piece or self.size_chars < self._again_at_chars:
            return -1
        if self.size_chars > LOOKED_AT_AGAIN_CHARS:
            self._again_at_chars = 2 * self.size_chars
        return _end_of(self.text, 0)


class _Memory:
    """The scans of what came at least twice: what Templates say, not what was filled in."""

    MOST_CHARS = 4_000_000
    MOST_SEEN = 10_000

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], _Scan] = {}
        self._size_chars = 0
        self._seen: set[int] = set()
        """Hashes of what came once."""

    def of(self, piece: str, start: int) -> _Scan:
        place = piece, start
        known = self._known.get(place)
        if known is None:
            known = _scan(piece, start)
            self._keep(place, known)
        return known

    def _keep(self, place: tuple[str, int], scan: _Scan) -> None:
        mark = hash(place)
        if mark not in self._seen:
            if len(self._seen) >= self.MOST_SEEN:
                self._seen.clear()
            self._seen.add(mark)
            return
        self._size_chars += len(place[0])
        if self._size_chars > self.MOST_CHARS:
            self._known.clear()
            self._size_chars = len(place[0])
        self._known[place] = scan


_remembered = _Memory()


def _scan(text: str, start: int) -> _Scan:
    parts: list[Part] = []
    done = place = start
    while match := _MARKUP.search(text, place):
        begin = match.start()
        end = _end_of(text, begin)
        if end < 0:
            return _Scan((*parts, text[done:begin]), begin)
        for at, until, part in _inside(text, begin):
            parts += [text[done:at], part] if part else [text[done:at]]
            done = until
        place = end
    return _Scan((*parts, text[done:]), len(text))


def _end_of(text: str, begin: int) -> int:
    """Where what begins with this `<` ends; -1 if not in this text."""
    if text.startswith("<!--", begin):
        comment = _EMPTY_COMMENT.match(text, begin) or _COMMENT_END.search(text, begin + 4)
        return comment.end() if comment else -1
    if text.startswith("<![CDATA[", begin):
        # Text in SVG, a comment up to the first `>` elsewhere: no link is found in either.
        end = text.find("]]>", begin)
        return end + 3 if end >= 0 else -1
    if not _IS_TAG.match(text, begin):
        is_text = begin + 1 < len(text) and text[begin + 1] not in "!?/"
        return begin + 1 if is_text else text.find(">", begin) + 1 or -1
    tag = _TAG.match(text, begin)
    if tag is None:
        return -1
    raw = None if tag[1] else _RAW.get(tag[2].lower())
    if raw is None:
        return tag.end()
    close = raw.search(text, tag.end())
    return close.start() if close else -1


def _inside(text: str, begin: int) -> Iterator[tuple[int, int, Part | None]]:
    """(from, to, what stands there instead; None: nothing) of the tag that begins here."""
    tag = _TAG.match(text, begin)
    if tag is None:
        return
    name = tag[2].lower()
    if tag[1]:
        if name == "body":
            yield begin, begin, BODY_END
        return
    if name not in ("a", "area"):
        return
    link: re.Match[str] | None = None
    opted_out: list[re.Match[str]] = []
    for attribute in _ATTRIBUTES.finditer(text, tag.start(3), tag.end(3)):
        word = attribute[1].lower()
        if word == "href" and link is None:  # the first one counts
            link = attribute
        elif word == "data-no-track":
            opted_out.append(attribute)
    for attribute in opted_out:
        at, end = attribute.span()
        # A `/` that came next to a value without quotes would become part of it.
        while text[end] in f"{_BLANKS}>" and text[at - 1] in _BLANKS:
            at -= 1
        yield at, end, None
    if not opted_out and link and link.lastindex and link.lastindex > 1:
        raw = link[link.lastindex]
        url = as_read(raw)
        if _WEB.match(url):
            yield link.start(link.lastindex), link.end(link.lastindex), Link(url, raw)
