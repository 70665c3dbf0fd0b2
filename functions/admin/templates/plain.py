"""A text part from the HTML, by inscriptis: links with where they lead, lists, tables in columns.

Values are shown as they are; statements stay around what they are about.
"""

import re

from functions.admin.templates.fault import Fault
from functions.admin.templates.marks import Mark, Marked, mark
from functions.admin.templates.markup import Place, Reading, bounded

_LOST = "with auto_text a statement of Jinja2 cannot stand here: write the text"
_ALIGNED = re.compile(r"""(?<=\s)align=["']?(?:center|right)["']?|text-align:\s*(?:center|right)""")
"""Columns of a layout, which would only push the text to the right."""
_ITEM = re.compile(r"\s*(?:[*+o•-]|\d+\.)\s")
_MANY_LINES = re.compile(r"\n{3,}")
_BETWEEN = (Place.TEXT, Place.TABLE, Place.ROW)


def text_of(source: str) -> str:
    """The text of a page. Raises `Fault`."""
    from inscriptis import get_text  # type: ignore[import-untyped]
    from inscriptis.model.config import ParserConfig  # type: ignore[import-untyped]

    marked = mark(source)
    reading = bounded(marked)
    shown = ParserConfig(display_links=True, display_images=True)
    try:
        text = get_text(_with_rows(marked, reading), shown)
    except (ValueError, RecursionError) as error:
        raise Fault(f"no text can be made from it: {error}") from error
    _check_kept(marked, reading, text)
    text = _MANY_LINES.sub("\n\n", _joined(text, marked))
    return marked.restored(text.strip("\n") + "\n")


def _with_rows(marked: Marked, reading: Reading) -> str:
    """What stands between rows or cells as a row or a cell of its own: there is no other text."""

    def in_table(found: re.Match[str]) -> str:
        match reading.places[found[0]]:
            case Place.TABLE:
                return f"<tr><td>{found[0]}</td></tr>"
            case Place.ROW:
                return f"<td>{found[0]}</td>"
            case Place.TAG:
                return ""
        return found[0]

    return _ALIGNED.sub("", marked.pattern.sub(in_table, marked.text))


def _check_kept(marked: Marked, reading: Reading, text: str) -> None:
    """Statements between elements all have to be there, in their order."""

    def between(marks: list[Mark]) -> list[Mark]:
        return [
            each for each in marks if each.is_statement and reading.places[each.word] in _BETWEEN
        ]

    wanted, found = between(list(marked.marks)), between(marked.words_in(text))
    for was, now in zip(wanted, [*found, *[None] * len(wanted)], strict=False):
        if was is not now:
            raise marked.fault(_LOST, was)


def _joined(text: str, marked: Marked) -> str:
    """Statements alone on a line go in front of the next one: they leave no empty line behind.

    Nothing but lists is indented: what else would be was a column of the layout.
    """
    lines: list[str] = []
    held = ""
    for line in text.split("\n"):
        words = marked.words_in(line)
        bare = marked.pattern.sub("", line).strip()
        if words and not bare and all(each.is_statement for each in words):
            held += "".join(each.word for each in words)
        elif held and not line.strip() and not any(lines[-1:]):
            continue
        else:
            lines.append(held + (line if _ITEM.match(line) else line.lstrip()).rstrip())
            held = ""
    return "\n".join([*lines, held] if held else lines)
