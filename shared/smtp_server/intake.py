"""Bytes from a client become command lines and messages. Sans-I/O.

Only CRLF ends a line, and only CRLF.CRLF ends a message (RFC 5321 §2.3.8, §4.1.1.4): where two
servers disagree about this, one message becomes two, and the second has whatever sender its
author likes ("SMTP smuggling"). A message with a bare CR or LF is read to its one true end, and
then refused.
"""

from dataclasses import dataclass

END = b"\r\n.\r\n"


class BadLine(Exception):
    """What came is no command line; the text is the reply. Nothing behind it can be trusted."""


class Refused(Exception):
    """The message cannot be taken; the text is the reply. The session may go on."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is read of one message."""

    message_bytes: int
    line_bytes: int
    """Without its CRLF, and without the dot that transparency puts in front."""


class Intake:
    """What has come and is not used yet."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._dropped = 0

    def __len__(self) -> int:
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def line(self, limit_bytes: int) -> bytes | None:
        """The next line without its CRLF, or None if it is not complete. Raises `BadLine`."""
        end = self._buffer.find(b"\n", self._searched)
        if max(end, len(self._buffer) - 2 if end < 0 else 0) > limit_bytes:
            raise BadLine("500 5.5.2 line too long")
        if end < 0:
            self._searched = len(self._buffer)
            return None
        line = bytes(self._buffer[: end + 1])
        if line[-2:] != b"\r\n" or b"\r" in line[:-2]:
            raise BadLine("500 5.5.2 bare CR or LF: lines end in CRLF")
        self._take(end + 1)
        return line[:-2]

    def message(self, bounds: Bounds) -> bytes | None:
        """The message that began behind 354, or None if its end has not come.

        Raises `Refused` at its end, and `BadLine` for one that has no end in sight.
        """
        if self._buffer.startswith(END[2:]) and not self._dropped:
            self._take(3)
            return b""
        end = self._buffer.find(END, max(0, self._searched - len(END) + 1))
        if end < 0:
            self._searched = len(self._buffer)
            self._drop_what_is_too_much(bounds)
            return None
        raw = bytes(self._buffer[: end + 2])
        self._take(end + len(END))
        dropped, self._dropped = self._dropped, 0
        message = b"" if dropped else unstuffed(raw, bounds.line_bytes)
        if dropped or len(message) > bounds.message_bytes:
            raise Refused(f"552 5.3.4 more than {bounds.message_bytes} bytes")
        return message

    def _drop_what_is_too_much(self, bounds: Bounds) -> None:
        """A client may send on behind the limit, but it costs no memory, and has an end."""
        # Transparent dots are no part of the size (RFC 1870 §3): "..CRLF" is a line of three.
        if not self._dropped and len(self._buffer) <= bounds.message_bytes * 3 // 2 + len(END):
            return
        surplus = len(self._buffer) - len(END) + 1
        self._dropped += surplus
        self._take(surplus)
        if self._dropped > 2 * bounds.message_bytes + 65536:
            raise BadLine(f"552 5.3.4 more than {bounds.message_bytes} bytes")

    def _take(self, count: int) -> None:
        del self._buffer[:count]
        self._searched = 0


def unstuffed(raw: bytes, max_line_bytes: int) -> bytes:
    """The message without transparent dots (RFC 5321 §4.5.2). Raises `Refused`."""
    lines = raw.count(b"\r\n")
    if raw.count(b"\n") != lines or raw.count(b"\r") != lines:
        raise Refused("554 5.6.0 bare CR or LF in the message: lines end in CRLF")
    if raw.startswith(b"."):
        raw = raw[1:]
    message = raw.replace(b"\r\n.", b"\r\n")
    if len(message) > max_line_bytes and max(map(len, message.split(b"\r\n"))) > max_line_bytes:
        raise Refused(f"554 5.6.0 a line has more than {max_line_bytes} bytes")
    return message
