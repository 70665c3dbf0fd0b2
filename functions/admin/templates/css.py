"""The rules of `<style>` written into the elements that they are about, by css-inline.

Media queries, `:hover` and what fits no element stay in `<style>`. Nothing is ever loaded.
"""

import re
from functools import cache
from typing import TYPE_CHECKING

from functions.admin.templates.fault import Fault
from functions.admin.templates.marks import Mark, Marked, mark
from functions.admin.templates.markup import Place, Reading, bounded, read

if TYPE_CHECKING:
    from css_inline import CSSInliner

_AMONG_ATTRIBUTES = "with inline_css a tag of Jinja2 may stand in an attribute's value, not beside"
_IN_STYLE = "with inline_css a statement of Jinja2 cannot stand in <style>; a value can"
_LOST = "with inline_css a tag of Jinja2 cannot stand here: it would be lost"
_MOVED = "with inline_css this has to be balanced: the elements around it would change places"


def inlined(source: str) -> str:
    """The same page with inlined rules. Raises `Fault`."""
    marked = mark(source)
    reading = bounded(marked)
    for each in marked.marks:
        _check_place(marked, each, reading.places[each.word])
    text = _with_tbody(_with_body(marked.text, reading), marked)
    text = _with_comments(text, marked, reading)
    before = read(text, marked)
    try:
        html = _inliner().inline(text)
    except ValueError as error:
        raise Fault(f"its CSS cannot be inlined: {error}") from error
    _check_kept(marked, reading, before, html)
    for each in marked.marks:
        html = html.replace(f"<!--{each.word}-->", each.word)
    return marked.restored(html)


@cache
def _inliner() -> "CSSInliner":
    from css_inline import CSSInliner

    return CSSInliner(
        keep_style_tags=True,
        remove_inlined_selectors=True,
        keep_at_rules=True,
        load_remote_stylesheets=False,
    )


def _check_place(marked: Marked, each: Mark, place: Place) -> None:
    if place is Place.TAG:
        raise marked.fault(_AMONG_ATTRIBUTES, each)
    if place is Place.STYLE and each.is_statement:
        raise marked.fault(_IN_STYLE, each)


def _with_body(text: str, reading: Reading) -> str:
    """A piece of a page as a page, so that what is around it is not put inside of a condition."""
    if {"html", "body"} & set(reading.outline):
        return text
    return f"<html><head></head><body>{text}</body></html>"


def _with_tbody(text: str, marked: Marked) -> str:
    """Say where a table's body begins: the parser would put it behind a loop's first tag."""
    before = r"""<table\b(?:=\s*+(?:"[^"]*+"|'[^']*+')|[^>])*+>|</(?:thead|caption|colgroup)\s*>"""
    tags = rf"(?:\s*+{marked.pattern.pattern})++\s*+"
    return re.sub(rf"({before})({tags})(?=<tr[\s>])", r"\1<tbody>\2", text, flags=re.IGNORECASE)


def _with_comments(text: str, marked: Marked, reading: Reading) -> str:
    """Tags between elements as comments: a text between two rows would be moved off the table."""
    between = (Place.TEXT, Place.TABLE, Place.ROW)
    return marked.pattern.sub(
        lambda found: f"<!--{found[0]}-->" if reading.places[found[0]] in between else found[0],
        text,
    )


def _check_kept(marked: Marked, places: Reading, before: Reading, html: str) -> None:
    after = read(html, marked)
    for each in marked.marks:
        # What a rule holds may be written into many elements, or into none.
        if each.word not in after.places and places.places[each.word] is not Place.STYLE:
            raise marked.fault(_LOST, each)
    if not any(each.is_statement for each in marked.marks) or before.outline == after.outline:
        return
    pairs = zip(before.outline, [*after.outline, *before.outline], strict=False)
    differs = next((n for n, (was, now) in enumerate(pairs) if was != now), 0)
    near = [marked.by_word[each] for each in before.outline[differs:] if each in marked.by_word]
    near += [marked.by_word[each] for each in before.outline[:differs] if each in marked.by_word]
    raise marked.fault(_MOVED, near[0])
