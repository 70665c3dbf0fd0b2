"""A mail as a tree of parts (RFC 2045, RFC 2046), for reading reports. Pure; never raises.

The standard library's parser goes as deep as the sender likes, and its cost is lines times depth.
Here depth, parts and bytes are bounded: what is beyond is not read, and no honest report is there.
"""

import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_BYTES = 512 * 1024
MAX_HEAD_BYTES = 64 * 1024
MAX_TEXT_BYTES = 64 * 1024
"""Of one part, decoded. A DSN says in 300 bytes what became of one address."""
MAX_DEPTH = 4
"""A report in a mailing list's frame in a virus scanner's frame."""
MAX_PARTS = 40

_FIELD = re.compile(rb"^([!-9;-~]{1,200})[ \t]*:((?:[^\n]*)(?:\n[ \t][^\n]*)*)", re.MULTILINE)
_BLANK_LINE = re.compile(rb"(?:\A|\n)[ \t]*\r?\n")
_TYPE = re.compile(r"\s*([!#-'*+.0-9A-Z^-~-]+/[!#-'*+.0-9A-Z^-~-]+)", re.IGNORECASE)
_PARAMETER = re.compile(r';\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))')
_CHARSET = re.compile(
    r"(?:us-)?ascii|utf-?(?:8|16|16le|16be)|iso-8859-\d{1,2}|(?:windows|cp)-?12\d\d|koi8-[ru]"
    r"|gb2312|gbk|gb18030|big5|shift[_-]jis|iso-2022-(?:jp|kr)|euc-(?:jp|kr)"
)
"""Python has codecs that are none of texts, or take for ever."""


@dataclass(slots=True)
class Part:
    """One entity: a header, and a body or parts."""

    fields: list[tuple[str, str]]
    """(name in lower case, unfolded value), in order."""
    body: bytes
    """Still in its transfer encoding."""
    parts: list["Part"] = field(default_factory=list)

    def value(self, name: str) -> str:
        """The first value, or ""."""
        return next((value for found, value in self.fields if found == name), "")

    @property
    def kind(self) -> str:
        """The media type in lower case; text/plain if none is given (RFC 2045 §5.2)."""
        match = _TYPE.match(self.value("content-type"))
        return match[1].lower() if match else "text/plain"

    def parameter(self, name: str) -> str:
        """A parameter of the Content-Type, or ""."""
        for found, quoted, plain in _PARAMETER.findall(self.value("content-type")):
            if found.lower() == name:
                return re.sub(r"\\(.)", r"\1", quoted) or plain
        return ""

    @property
    def content(self) -> bytes:
        """The body without its transfer encoding (RFC 2045 §6)."""
        encoding = self.value("content-transfer-encoding").strip().lower()
        body = self.body[: 2 * MAX_TEXT_BYTES]
        if encoding == "quoted-printable":
            body = quopri.decodestring(body)
        elif encoding == "base64":
            body = _base64(body)
        return body[:MAX_TEXT_BYTES]

    @property
    def text(self) -> str:
        """The content as text, lines ended by LF. What cannot be decoded is marked."""
        charset = self.parameter("charset").lower()
        known = charset if _CHARSET.fullmatch(charset) else "utf-8"
        try:
            text = self.content.decode(known, "replace")
        except (LookupError, UnicodeError):
            text = self.content.decode("utf-8", "replace")
        return text.replace("\r\n", "\n")

    def leaves(self) -> Iterator["Part"]:
        """Every part that has none, in order. A message that came along is one leaf."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()


def parse(raw: bytes) -> Part:
    """The tree of a whole message."""
    return _parse(raw[:MAX_BYTES], 0)


def fields_of(head: bytes) -> list[tuple[str, str]]:
    """Header fields (RFC 5322 §2.2). Lines that are none are passed over."""
    return [
        (name.decode("ascii").lower(), _unfolded(value))
        for name, value in _FIELD.findall(head[:MAX_HEAD_BYTES])
    ]


def head_of(raw: bytes) -> bytes:
    """What stands before the first blank line."""
    match = _BLANK_LINE.search(raw, 0, MAX_HEAD_BYTES)
    return raw[: match.start() + 1] if match else raw[:MAX_HEAD_BYTES]


def _unfolded(value: bytes) -> str:
    """RFC 5322 §2.2.3; RFC 6532 §3.2: UTF-8."""
    return " ".join(value.decode("utf-8", "replace").split())


def _parse(raw: bytes, depth: int) -> Part:
    match = _BLANK_LINE.search(raw)
    body = raw[match.end() :] if match else b""
    part = Part(fields_of(head_of(raw)), body)
    if depth < MAX_DEPTH and part.kind.startswith("multipart/"):
        pieces = _split(body, part.parameter("boundary"))
        part.parts = [_parse(piece, depth + 1) for piece in pieces]
    return part


def _split(body: bytes, boundary: str) -> list[bytes]:
    """RFC 2046 §5.1.1. Without an end, the last part goes to the end."""
    if not boundary or len(boundary) > 200:
        return []
    quoted = re.escape(boundary.encode("utf-8", "replace"))
    delimiter = re.compile(rb"(?:\A|\r?\n)--" + quoted + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    pieces: list[bytes] = []
    start = None
    for match in delimiter.finditer(body):
        if start is not None:
            pieces.append(body[start : match.start()].lstrip(b"\r").removeprefix(b"\n"))
        start = None if match[1] else match.end()
        if match[1] or len(pieces) == MAX_PARTS:
            return pieces
    if start is not None:
        pieces.append(body[start:].lstrip(b"\r").removeprefix(b"\n"))
    return pieces


def _base64(body: bytes) -> bytes:
    clean = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
    try:
        return binascii.a2b_base64(clean[: len(clean) // 4 * 4] or b"")
    except binascii.Error:
        return body
