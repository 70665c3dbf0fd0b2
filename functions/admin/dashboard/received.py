"""Received mails in a folder, a file each, as a mail server keeps them."""

import base64
import os
import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path

from shared.http import Problem

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}\.eml")
_CID = re.compile(r"cid:([^\"'\s>)]+)")
_HEAD_BYTES = 64 * 1024
MOST_IMAGE_CHARS = 32 * 1024 * 1024
"""Of inline images in one page: the same one may stand in it a thousand times."""


@dataclass(frozen=True, slots=True)
class Line:
    """One mail of a list."""

    name: str
    at: float
    size_bytes: int
    recipient: str
    sender: str
    subject: str


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, taken apart."""

    name: str
    subject: str
    headers: list[tuple[str, str]]
    html: str
    text: str
    attachments: list[str]
    source: bytes


class Folder:
    """Reads `.eml` files. What cannot be understood in them is left out."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def newest(self, limit: int) -> list[Line]:
        try:
            with os.scandir(self._path) as entries:
                there = [
                    (_age_ns(each), each.name) for each in entries if _NAME.fullmatch(each.name)
                ]
        except OSError as error:
            raise Problem(503, "unavailable", f"the folder of mails: {error}") from error
        newest = [self._path / name for _, name in sorted(there, reverse=True)[:limit]]
        return [line for line in map(_line, newest) if line]

    def read(self, name: str) -> Mail:
        """Raises `Problem` 404."""
        try:
            if not _NAME.fullmatch(name):
                raise FileNotFoundError(name)
            source = (self._path / name).read_bytes()
        except OSError as error:
            raise Problem(404, "not_found", "There is no such mail.") from error
        try:
            return _mail(name, source, _parsed(source))
        except RecursionError:  # parts in parts without end: there are its headers and its source
            return _mail(name, source, _parsed(_head(source)))


def _mail(name: str, source: bytes, message: Message) -> Mail:
    return Mail(
        name=name,
        subject=_header(message, "subject"),
        headers=[(_plain(key), _plain(value)) for key, value in message.raw_items()],
        html=_with_images(message, _text(message, "text/html")),
        text=_text(message, "text/plain"),
        attachments=_attachments(message),
        source=source,
    )


def _head(source: bytes) -> bytes:
    return source.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


def _age_ns(entry: "os.DirEntry[str]") -> int:
    """When it was written; what is gone since it was listed counts as the oldest."""
    try:
        return entry.stat().st_mtime_ns
    except OSError:
        return 0


def _line(file: Path) -> Line | None:
    """None: it is gone, for the server keeps only the latest."""
    try:
        with file.open("rb") as opened:
            head = _head(opened.read(_HEAD_BYTES))
            found = os.fstat(opened.fileno())
    except OSError:
        return None
    message = _parsed(head)
    return Line(
        name=file.name,
        at=found.st_mtime,
        size_bytes=found.st_size,
        recipient=_header(message, "delivered-to"),
        sender=_header(message, "from"),
        subject=_header(message, "subject"),
    )


def _parsed(source: bytes) -> Message:
    # The newer policies take a header apart when it is looked at, some in quadratic time.
    return message_from_bytes(source, policy=policy.compat32)


def _header(message: Message, name: str) -> str:
    """Decoded (RFC 2047); as it stands where that fails."""
    plain = _plain(message.get(name, ""))
    try:
        return _plain(make_header(decode_header(plain)))
    except (HeaderParseError, LookupError, ValueError):
        return plain


def _plain(value: object) -> str:
    """Unfolded. A byte that is no ASCII comes as a lone surrogate, which nothing can show."""
    return " ".join(str(value).encode("utf-8", "replace").decode().split())


def _text(message: Message, kind: str) -> str:
    """The first body of this kind, or empty."""
    for part in message.walk():
        if part.get_content_type() == kind and part.get_content_disposition() != "attachment":
            content = part.get_payload(decode=True)
            return _decoded(content, part) if isinstance(content, bytes) else ""
    return ""


def _decoded(content: bytes, part: Message) -> str:
    try:
        return content.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")


def _attachments(message: Message) -> list[str]:
    attached = [part for part in message.walk() if part.get_content_disposition() == "attachment"]
    return [_plain(part.get_filename() or part.get_content_type()) for part in attached]


def _with_images(message: Message, html: str) -> str:
    """Inline images (RFC 2392) written into the HTML: nothing else may be loaded."""
    if "cid:" not in html:
        return html
    images: dict[str, str] = {}
    for part in message.walk():
        name = _plain(part.get("content-id", "")).strip("<>")
        content = part.get_payload(decode=True)
        if name and part.get_content_maintype() == "image" and isinstance(content, bytes):
            encoded = base64.b64encode(content).decode()
            images[name] = f"data:{part.get_content_type()};base64,{encoded}"
    left_chars = MOST_IMAGE_CHARS

    def shown(match: re.Match[str]) -> str:
        nonlocal left_chars
        image = images.get(match[1], match[0])
        left_chars -= len(image)
        return image if left_chars >= 0 else match[0]

    return _CID.sub(shown, html)
