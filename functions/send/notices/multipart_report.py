"""A multipart/report (RFC 6522) as bytes: the same input makes the same bytes. Pure.

Lines end in CRLF and have at most 998 bytes. What a server or a sender said can never become a
line, a header field or a part of its own: it goes through `one_line`, or through `headers_of`.
"""

import re
from binascii import b2a_qp
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from shared.ids import digest
from shared.model import BagHeader, Envelope

MAX_LINE_CHARS = 240
"""Of up to four bytes each: below the 998 bytes of RFC 5322 §2.1.1, whatever the alphabet."""
WRAP_CHARS = 76  # RFC 5322 §2.1.1 asks for 78
MAX_HEADERS_CHARS = 64 * 1024
"""Of the original's headers. More of them are no honest mail's."""

_MESSAGE_ID = re.compile(r"^message-id:\s*(<[!-;=?-~]{1,900}>)", re.IGNORECASE | re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_PIECE = re.compile(f".{{1,{MAX_LINE_CHARS}}}")


@dataclass(frozen=True, slots=True)
class Part:
    """One body part; its lines end in CRLF."""

    content_type: str
    description: str
    text: str

    @property
    def is_plain(self) -> bool:
        return self.content_type == "text/plain"

    @property
    def is_8bit(self) -> bool:
        return not self.is_plain and not self.text.isascii()


def build(report_type: str, head: list[str], parts: list[Part]) -> bytes:
    """The whole message. `head`: its own header fields, as `field` makes them."""
    # The boundary depends on all that is between the boundaries: nobody can have put it there.
    texts = [part.text for part in parts]
    boundary = f"=_{digest(report_type, *head, *texts).hex()[:40]}"
    lines = [
        *head,
        "MIME-Version: 1.0",
        f"Content-Type: multipart/report; report-type={report_type};",
        f' boundary="{boundary}"',
    ]
    if any(part.is_8bit for part in parts):
        lines.append("Content-Transfer-Encoding: 8bit")  # RFC 2045 §6.4
    whole = bytearray("\r\n".join([*lines, "", "This is a report in MIME format."]).encode())
    for part in parts:
        whole += f"\r\n--{boundary}\r\n".encode() + _part(part)
    return bytes(whole + f"\r\n--{boundary}--\r\n".encode())


def _part(part: Part) -> bytes:
    body = part.text.encode()
    kind, encoding = part.content_type, "8bit" if part.is_8bit else "7bit"
    if part.is_plain:
        kind += "; charset=us-ascii" if part.text.isascii() else "; charset=utf-8"
        if not part.text.isascii():
            body, encoding = b2a_qp(body, istext=True), "quoted-printable"
    head = [
        f"Content-Type: {kind}",
        f"Content-Description: {part.description}",
        f"Content-Transfer-Encoding: {encoding}",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


def one_line(text: str) -> str:
    """The text without line ends, controls, marks that turn the direction, half characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def wrapped(text: str, first: str = "", indent: str = "") -> list[str]:
    """The text in lines, the first of which begins with `first`, the others with `indent`."""
    lines, empty = [first], True
    for word in one_line(text).split():
        for piece in _PIECE.findall(word):
            if empty:
                lines[-1] += piece
            elif len(lines[-1]) + 1 + len(piece) <= WRAP_CHARS:
                lines[-1] += f" {piece}"
            else:
                lines.append(indent + piece)
            empty = False
    return lines


def field(name: str, value: str) -> str:
    """A header field with free text, folded (RFC 5322 §2.2.3)."""
    return "\r\n".join(wrapped(value, f"{name}: ", " "))


def fields(pairs: Iterable[tuple[str, str]]) -> str:
    """A group of fields without those that have no value; CRLF behind each."""
    return "".join(f"{field(name, value)}\r\n" for name, value in pairs if value)


def date(at: float) -> str:
    """RFC 5322 §3.3, from seconds since 1970."""
    return format_datetime(datetime.fromtimestamp(int(at), UTC))


def headers_of(header: BagHeader, envelope: Envelope) -> str:
    """The header fields of an Envelope's message, CRLF behind each line; "" if it has none."""
    head = ""
    for piece in envelope.message:
        text = piece if isinstance(piece, str) else header.shared[piece]
        head += text[:MAX_HEADERS_CHARS]
        if "\r\n\r\n" in head or len(head) >= MAX_HEADERS_CHARS:
            break
    head = head.partition("\r\n\r\n")[0][:MAX_HEADERS_CHARS]
    # One character per byte here, and most headers are UTF-8; what is not must still be shown.
    text = head.encode("latin-1", "replace").decode("utf-8", "replace")
    lines = [_CONTROL.sub(" ", line)[:998] for line in text.split("\r\n")]
    return "".join(f"{_short(line)}\r\n" for line in lines if line.strip())


def _short(line: str) -> str:
    """At most 998 bytes of a line: `submit` lets none through that is longer."""
    return line if len(line) <= MAX_LINE_CHARS else line.encode()[:998].decode("utf-8", "ignore")


def headers_part(headers: str) -> Part:
    """The original's headers, without its text (RFC 6522 §4, RFC 6533 §6)."""
    kind = "text/rfc822-headers" if headers.isascii() else "message/global-headers"
    return Part(kind, "Headers of the message", headers)


def message_id_in(headers: str) -> str:
    """`<…>`, or "" if the message has none that can be referred to."""
    found = _MESSAGE_ID.search(headers)
    return found[1] if found else ""
