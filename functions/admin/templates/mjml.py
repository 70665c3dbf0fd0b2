"""MJML to HTML, by mrml: the tags of Jinja2 come out where they stood."""

import re
from collections import Counter

from functions.admin.templates.fault import Fault
from functions.admin.templates.marks import Marked, mark
from functions.admin.templates.markup import Reading, bounded, read, statements

_AT = re.compile(r" ?(?:in root template)? ?at position (\d+):\d+")
_NO_ADVICE = "it is no MJML"
_LOST = "a tag of Jinja2 cannot stand here: MJML would lose it"
_MOVED = "a statement of Jinja2 cannot stand here: MJML would move or repeat it"


def html_of(source: str) -> str:
    """The HTML of an MJML document. Raises `Fault`."""
    from mjml import mjml2html

    marked = mark(source)
    reading = bounded(marked)
    try:
        html = mjml2html(marked.text)
    except ValueError as error:
        raise _fault(marked, reading, str(error)) from error
    _check_kept(marked, reading, html)
    return marked.restored(html)


def _fault(marked: Marked, reading: Reading, message: str) -> Fault:
    """mrml gives an offset in bytes, or none: then what is not closed is the likeliest cause."""
    why = message.replace(" in root template", "")
    if found := _AT.search(message):
        before = marked.text.encode()[: int(found[1])]
        place = len(before.decode(errors="replace"))
        return marked.fault_at(_AT.sub("", why), place)
    if reading.not_paired:
        name, place = reading.not_paired
        return marked.fault_at(f"<{name}> has no counterpart", place)
    return marked.fault_at(f"{_NO_ADVICE}: {why}", 0)


def _check_kept(marked: Marked, before: Reading, html: str) -> None:
    after = Counter(each.word for each in marked.words_in(html))
    for each in marked.marks:
        if not after[each.word]:
            raise marked.fault(_LOST, each)
    outline = read(html, marked).outline
    pairs = zip(statements(before.outline, marked), statements(outline, marked), strict=False)
    for was, is_now in pairs:
        if was != is_now:
            raise marked.fault(_MOVED, marked.by_word[was])
    for each in marked.marks:
        if each.is_statement and after[each.word] > 1:
            raise marked.fault(_MOVED, each)
