"""What a browser reads in an attribute: character references, and what a URL overlooks. Pure.

`html.unescape` is for text. In an attribute, `&copy=2` and `&section=3` of a query are no
references (HTML standard §13.2.5.73); and it refuses numbers of thousands of digits.
"""

import re
from html.entities import html5

_REFERENCE = re.compile(r"&(?:#(?:[xX]([0-9a-fA-F]++)|([0-9]++));?|([a-zA-Z][a-zA-Z0-9]*+;?)(=?))")
_OVERLOOKED = str.maketrans("", "", "\t\n\r")
_AROUND = "".join(map(chr, range(33)))
_UNKNOWN = "\ufffd"
_MOST_DIGITS = 7
"""Of 0x10FFFF, in decimal."""


def as_read(raw: str) -> str:
    """The URL that this attribute says (URL standard §4.4: blanks and line ends are overlooked)."""
    text = _REFERENCE.sub(_meant, raw) if "&" in raw else raw
    return text.strip(_AROUND).translate(_OVERLOOKED)


def _meant(reference: re.Match[str]) -> str:
    hexadecimal, decimal, name, equals = reference.groups()
    if name is None:
        digits = (hexadecimal or decimal).lstrip("0")
        return _character(digits, 16 if hexadecimal else 10)
    # Old names count without a semicolon too, but not before `=`, nor as the beginning of a word.
    if equals and not name.endswith(";"):
        return reference[0]
    return html5[name] + equals if name in html5 else reference[0]


def _character(digits: str, base: int) -> str:
    """HTML standard §13.2.5.80."""
    code = int(digits or "0", base) if len(digits) <= _MOST_DIGITS else 0
    if not code or code > 0x10FFFF or 0xD800 <= code < 0xE000:
        return _UNKNOWN
    if not 0x80 <= code < 0xA0:
        return chr(code)
    try:
        return bytes([code]).decode("cp1252")
    except UnicodeDecodeError:  # the five that Windows-1252 leaves open
        return chr(code)
