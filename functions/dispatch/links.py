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
from functools import lru_cache
from html import unescape

_ATTRIBUTE = (
    r"[^\s/>][^\s/>=]*+"
    r"""(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>"'][^\s>]*+|))?+"""
)
_TAG = re.compile(rf"<(/?)([a-zA-Z][^\s/>]*+)((?:[\s/]++|{_ATTRIBUTE})*+)>")
_ATTRIBUTES = re.compile(
    r"([^\s/>][^\s/>=]*+)"
    r"""(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>"'][^\s>]*+|)))?+"""
)
_MARKUP = re.compile(r"<(?:[!?/a-zA-Z]|\Z)")
_COMMENT_END = re.compile(r"--!?>")
_RAW = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
    for name in ("script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes")
}
"""Elements whose content is text. `noscript` is not one: no mail program runs scripts."""
_WEB = re.compile(r"https?:", re.IGNORECASE)
_IGNORED = str.maketrans("", "", "\t\n\r")
_BLANK = "".join(map(chr, range(33)))
REMEMBERED = 512


@dataclass(frozen=True, slots=True)
class Link:
    """The value of an `href`."""

    url: str
    """As a browser reads it (URL standard §4.4)."""
    raw: str
    """As it stands in the text."""


class BodyEnd:
    """The place before `</body>`."""


BODY_END = BodyEnd()
Part = str | Link | BodyEnd


@dataclass(frozen=True, slots=True)
class _Scan:
    parts: tuple[Part, ...]
    tail: int
    """Where something begins that is not at its end yet: a tag, a comment, a style sheet."""


def parts_of(pieces: Iterable[str]) -> list[Part]:
    """The text again, cut where there are links and where the body ends."""
    found: list[Part] = []
    open_ = ""
    for marked in pieces:
        # The Template engine marks what it has escaped by a type that escapes what is added to it.
        piece = marked if type(marked) is str else "".join((marked,))
        start = 0
        if open_:
            whole = open_ + piece
            end = _end_of(whole, 0)
            if end < 0:
                open_ = whole
                continue
            closed = _scan(whole[:end], 0)
            found += [*closed.parts, whole[closed.tail : end]]
            start = end - len(open_)
            if start < 0:  # the cut went through `</style`
                piece, start = whole[end:], 0
        if "<" not in piece:
            found.append(piece[start:])
            open_ = ""
            continue
        scan = _remembered(piece, start)
        found += scan.parts
        open_ = piece[scan.tail :]
    return [*found, open_] if open_ else found


@lru_cache(maxsize=REMEMBERED)
def _remembered(piece: str, start: int) -> _Scan:
    return _scan(piece, start)


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
        # `<!-->` and `<!--->` are whole comments.
        end = _COMMENT_END.search(text, begin + 2)
        return end.end() if end else -1
    if text[begin + 1 : begin + 2] in ("!", "?", ""):
        return text.find(">", begin) + 1 or -1
    if text[begin + 1] == "/" and not text[begin + 2 : begin + 3].isalpha():
        return text.find(">", begin) + 1 or -1
    tag = _TAG.match(text, begin)
    if tag is None:
        return -1
    raw = _RAW.get(tag[2].lower()) if not tag[1] else None
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
    link = opted_out = None
    for attribute in _ATTRIBUTES.finditer(text, tag.start(3), tag.end(3)):
        word = attribute[1].lower()
        if word == "href" and link is None:  # the first one counts
            link = attribute
        elif word == "data-no-track" and opted_out is None:
            opted_out = attribute
    if opted_out:
        at = opted_out.start()
        before = len(text[:at].rstrip()) if text[at - 1 : at].isspace() else at
        yield before, opted_out.end(), None
    elif link and link.lastindex and link.lastindex > 1:
        raw = link[link.lastindex]
        url = unescape(raw).strip(_BLANK).translate(_IGNORED)
        if _WEB.match(url):
            yield link.start(link.lastindex), link.end(link.lastindex), Link(url, raw)
