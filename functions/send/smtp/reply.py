"""Replies of an SMTP server (RFC 5321 §4.2), parsed as they arrive. No I/O."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from shared.errors import Temporary

MAX_LINE_BYTES = 4096
"""RFC 5321 §4.5.3.1.5 says 512, but real servers explain themselves at length."""

MAX_REPLY_BYTES = 64 * 1024
"""No honest EHLO or refusal comes near; a server that goes on and on must not fill our memory."""

_ENHANCED = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")


class ProtocolError(Temporary):
    """What the server said is no SMTP."""


class Reply(NamedTuple):
    """One whole reply: its code, and the text of each of its lines without code and line end."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.lines)


def enhanced(reply: Reply) -> str:
    """The enhanced status code (RFC 3463, placed as RFC 2034 says), or ""."""
    return explained(reply)[0]


def explained(reply: Reply) -> tuple[str, str]:
    """The enhanced status code, or "", and the text for a person, without that code, which RFC
    2034 repeats on each line."""
    lines = reply.lines
    match = _ENHANCED.match(lines[0])
    if match is None:
        return "", reply.text
    first = lines[0][match.end() :]
    if len(lines) == 1:
        return match[1], first
    return match[1], " ".join((first, *(_ENHANCED.sub("", line) for line in lines[1:])))


class ReplyReader:
    """Cuts what a server sends into replies, however the network cuts it into packets."""

    __slots__ = ("_earlier", "_earlier_bytes", "_rest")

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Drop everything not yet parsed, as STARTTLS demands (RFC 3207 §4.2)."""
        self._rest = b""
        self._earlier: list[str] = []
        self._earlier_bytes = 0

    def feed(self, data: bytes) -> Iterator[Reply]:
        """The replies that `data` completes.

        Raises `ProtocolError`, behind the replies that were still good: a 250 is one, whatever
        nonsense follows it.
        """
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            if len(line) > MAX_LINE_BYTES:
                raise ProtocolError(f"a reply line of {len(line)} bytes")
            reply, more = _parse(line)
            if more:
                self._continue(reply.text, len(line))
            elif self._earlier:
                yield Reply(reply.code, (*self._earlier, reply.text))
                self._earlier = []
                self._earlier_bytes = 0
            else:
                yield reply
        if len(self._rest) > MAX_LINE_BYTES:
            raise ProtocolError(f"a reply line of more than {MAX_LINE_BYTES} bytes")

    def _continue(self, text: str, size_bytes: int) -> None:
        self._earlier_bytes += size_bytes
        if self._earlier_bytes > MAX_REPLY_BYTES:
            raise ProtocolError(f"a reply of more than {MAX_REPLY_BYTES} bytes")
        self._earlier.append(text)


@lru_cache(maxsize=64)  # a server says the same few things for every message
def _parse(line: bytes) -> tuple[Reply, bool]:
    """What one line says, and whether more follow. Some servers end it with a bare LF."""
    line = line.removesuffix(b"\r")
    code, separator = line[:3], line[3:4]
    if not (code.isdigit() and b"200" <= code <= b"599" and separator in (b" ", b"-", b"")):
        raise ProtocolError(f"not an SMTP reply: {printable(line[:80])!r}")
    return Reply(int(code), (printable(line[4:]),)), separator == b"-"


def printable(raw: bytes) -> str:
    """Text that is safe in a log and on a terminal: no control characters, no broken UTF-8."""
    text = raw.decode("utf-8", "replace")
    if text.isprintable():
        return text
    return "".join(c for c in text.replace("\t", " ") if c.isprintable())
