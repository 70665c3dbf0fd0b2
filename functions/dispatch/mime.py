"""The MIME structure of a Batch (RFC 2045–2049): built once, filled per Delivery. Pure.

    multipart/mixed            if there are attachments
      multipart/alternative    if there are both text and HTML
        text/plain
        multipart/related      if there are inline images (RFC 2387)
          text/html
          images

What does not change is encoded once. Attachments become stretches that all Envelopes of a Bag
share, so that a Bag's object holds them once.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from shared.ids import digest
from shared.model import Attachment
from shared.templating import TemplateFault

MAX_LINE_BYTES = 998  # RFC 5322 §2.1.1
SHARE_ABOVE_BYTES = 4096

HTML = "html"
TEXT = "text"
Header = tuple[str, str]
Piece = bytes | str
"""Bytes that every Delivery has, or the slot that its own text goes into."""

_ANY_LINE_END = re.compile(r"\r\n|\r|\n")
_OVERLONG = re.compile(rb"([^\r\n]{74,75})(=(?:20|09)\r\n)")
"""A blank at the end of a full line, where Python's encoder makes lines of 77 and 78 characters."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the tree. The transfer encoding of a slot is known when it is filled."""

    headers: list[Header]
    body: list[Piece]


class Filled(NamedTuple):
    """A slot's text, as it stands in the body."""

    slot: str
    data: bytes
    verbatim: bool
    """Whether the data begin with the text as it was given, byte by byte."""


class Layout:
    """A Batch's MIME tree, laid flat."""

    def __init__(
        self, batch: str, *, html: bool, text: bool, attachments: Sequence[Attachment]
    ) -> None:
        files = [file for file in attachments if not file.content_id]
        images = [file for file in attachments if file.content_id]
        bodies = [Part([("Content-Type", 'text/plain; charset="utf-8"')], [TEXT])] if text else []
        if html:
            page = Part([("Content-Type", 'text/html; charset="utf-8"')], [HTML])
            related = [page, *map(_file, images)]
            kind = 'related; type="text/html"'
            bodies.append(_multipart(kind, _boundary(batch, "related"), related))
        elif images:
            files = list(attachments)
        alternative = _multipart("alternative", _boundary(batch, "alternative"), bodies)
        whole = _multipart("mixed", _boundary(batch, "mixed"), [alternative, *map(_file, files)])
        self.headers = whole.headers
        self.shared: list[str] = []
        self._pieces = self._share(_joined(whole.body))
        self._single = len(self._pieces) == 1

    def _share(self, pieces: list[Piece]) -> list[Piece | int]:
        """Put long unchanging stretches aside, under their index."""
        kept: list[Piece | int] = []
        for piece in pieces:
            if isinstance(piece, bytes) and len(piece) > SHARE_ABOVE_BYTES:
                kept.append(len(self.shared))
                self.shared.append(piece.decode("latin-1"))
            else:
                kept.append(piece)
        return kept

    def fill(self, texts: dict[str, str]) -> tuple[list[Header], list[Filled | bytes | int]]:
        """(content headers, body) of one Delivery, from the text for each slot."""
        body: list[Filled | bytes | int] = []
        headers = self.headers
        for piece in self._pieces:
            if not isinstance(piece, str):
                body.append(piece)
                continue
            encoding, data = transfer_encoded(texts[piece])
            if self._single:
                headers = [*headers, ("Content-Transfer-Encoding", encoding)]
            else:
                body.append(b"Content-Transfer-Encoding: %b\r\n\r\n" % encoding.encode())
            verbatim = encoding == "7bit" and data.startswith(texts[piece].encode("ascii"))
            body.append(Filled(piece, data, verbatim))
        return headers, body


def _boundary(batch: str, level: str) -> str:
    """`=_` occurs neither in quoted-printable nor in base 64 (RFC 2045 §6.7)."""
    return f"=_{digest('boundary', batch, level).hex()[:32]}"


def _multipart(kind: str, boundary: str, parts: list[Part]) -> Part:
    if len(parts) == 1:
        return parts[0]
    body: list[Piece] = []
    for part in parts:
        heading = "".join(f"{name}: {value}\r\n" for name, value in part.headers)
        body.append(f"--{boundary}\r\n{heading}".encode())
        if isinstance(part.body[0], bytes):
            body.append(b"\r\n")
        body += part.body
        body.append(b"\r\n")
    body.append(f"--{boundary}--\r\n".encode())
    return Part([("Content-Type", f'multipart/{kind};\r\n boundary="{boundary}"')], body)


def _file(file: Attachment) -> Part:
    headers = [("Content-Type", file.content_type), ("Content-Transfer-Encoding", "base64")]
    disposition = "inline" if file.content_id else "attachment"
    headers.append(("Content-Disposition", f"{disposition};\r\n {_filename(file.filename)}"))
    if file.content_id:
        headers.append(("Content-ID", f"<{file.content_id}>"))
    lines = base64.encodebytes(base64.b64decode(file.content))
    return Part(headers, [lines.replace(b"\n", b"\r\n")])


def _filename(name: str) -> str:
    """The parameter by RFC 2183, or in the form of RFC 2231 §4 where it is not plain ASCII."""
    if name.isascii() and len(name) < 60 and not any(text in name for text in ('"', "\\", "=?")):
        return f'filename="{name}"'
    encoded = "".join(
        chr(byte)
        if (chr(byte).isascii() and chr(byte).isalnum()) or byte in b"._-"
        else f"%{byte:02X}"
        for byte in name.encode()
    )
    pieces = re.findall(r"(?:%[0-9A-F]{2}|[^%]){1,20}", "utf-8''" + encoded)
    if len(pieces) == 1:
        return f"filename*={pieces[0]}"
    return ";\r\n ".join(f"filename*{place}*={piece}" for place, piece in enumerate(pieces))


def _joined(pieces: list[Piece]) -> list[Piece]:
    """The same with neighbouring bytes made one, except the long ones, which will be shared."""
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else ""
        both_short = max(len(piece), len(last)) <= SHARE_ABOVE_BYTES
        if isinstance(piece, bytes) and isinstance(last, bytes) and both_short:
            joined[-1] = last + piece
        else:
            joined.append(piece)
    return joined


def transfer_encoded(text: str) -> tuple[str, bytes]:
    """(Content-Transfer-Encoding, bytes) of a text: as it is where every server can carry it.

    Raises `TemplateFault` for what no mail can say: NUL (RFC 5322 §3.5), half a character.
    """
    ends = text.count("\r\n")
    if text.count("\n") != ends or text.count("\r") != ends:
        text = _ANY_LINE_END.sub("\r\n", text)
    if not text.endswith("\r\n"):
        text += "\r\n"
    if "\x00" in text:
        raise TemplateFault("the text would have a NUL character")
    if text.isascii() and max(map(len, text.split("\r\n"))) <= MAX_LINE_BYTES:
        return "7bit", text.encode()
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise TemplateFault("the text would have half a character (a lone surrogate)") from error
    quoted = binascii.b2a_qp(data, quotetabs=False, istext=True)
    return "quoted-printable", _OVERLONG.sub(rb"\1=\r\n\2", quoted)
