"""DKIM's relaxed canonical forms (RFC 6376 §3.4.2, §3.4.4), as fast as pure Python gets.

Both run in linear time on any input. Header text is UTF-8 (RFC 6532, RFC 8616); bytes that are
not UTF-8 travel as surrogate escapes, so that a ready-made message is hashed byte for byte.
"""

import re

from shared.errors import Malformed

_ENCODING = "utf-8"
_UNDECODABLE = "surrogateescape"

# Patterns that begin with a literal: the engine leaps to it with memchr, which a class as in
# `[ \t]+` prevents. On HTML this is 3 times faster.
_SPACES = re.compile(b"  +")
_TRAILING_SPACE = re.compile(b" \r\n")
_FIELD_END = re.compile("\r\n(?![ \t])")


def relaxed_body(body: bytes) -> bytes:
    """The relaxed form of a body with CRLF line ends (RFC 6376 §3.4.4).

    A last line without CRLF gets one before anything else, because that is what SMTP does to it
    (RFC 5321 §4.1.1.4) and what the receiver will hash. A bare CR or LF is a character like others.
    """
    if not body.endswith(b"\r\n"):
        body += b"\r\n"
    body = _SPACES.sub(b" ", body.replace(b"\t", b" "))
    body = _TRAILING_SPACE.sub(b"\r\n", body)
    end = len(body)
    while body.endswith(b"\r\n", 0, end):
        end -= 2
    return body[: end + 2] if end else b""


def relaxed_header(name: str, value: str) -> str:
    """The relaxed form of one header field, with its CRLF (RFC 6376 §3.4.2).

    `value` may be folded. Raises `Malformed` on a line break that is no folding: to sign it would
    vouch for a header that somebody smuggled in.
    """
    if "\r" in value or "\n" in value:
        value = _unfold(name, value)
    if "\t" in value:
        value = value.replace("\t", " ")
    if "  " in value:
        value = " ".join(filter(None, value.split(" ")))
    return f"{canonical_name(name)}:{value.strip(' ')}\r\n"


def canonical_name(name: str) -> str:
    """A field name in lower case, without the blanks that RFC 5322 §4.5 lets precede the colon."""
    return name.rstrip(" \t").lower()


def _unfold(name: str, value: str) -> str:
    unfolded = value.replace("\r\n ", " ").replace("\r\n\t", " ")
    if "\r" in unfolded or "\n" in unfolded:
        raise Malformed(f"the header {name!r} has a line break that is no folding")
    return unfolded


def encode_headers(text: str) -> bytes:
    """The bytes of header text; the inverse of how `split_message` decodes it."""
    return text.encode(_ENCODING, _UNDECODABLE)


def split_message(message: bytes) -> tuple[list[tuple[str, str]], bytes]:
    """The (name, raw value) pairs and the body of an RFC 5322 message with CRLF line ends.

    Values keep their blanks and foldings. Raises `Malformed` on a line without a name and colon.
    """
    head, _, body = message.partition(b"\r\n\r\n")
    text = head.removesuffix(b"\r\n").decode(_ENCODING, _UNDECODABLE)
    return [_split_field(field) for field in _FIELD_END.split(text)], body


def _split_field(field: str) -> tuple[str, str]:
    name, colon, value = field.partition(":")
    if not colon or not name.isascii():
        raise Malformed(f"the message has a line that is no header: {field[:60]!r}")
    return name, value
