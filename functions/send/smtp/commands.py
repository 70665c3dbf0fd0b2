"""The bytes that we say to a server (RFC 5321 §4.1.1). No I/O.

Whatever comes from a message's addresses or body passes through here, so this is where nothing
gets in that could be read as another command.
"""

import re

from functions.send.smtp.capabilities import Capabilities
from shared.errors import Permanent

DATA = b"DATA\r\n"
RSET = b"RSET\r\n"
QUIT = b"QUIT\r\n"
STARTTLS = b"STARTTLS\r\n"
DOT = b".\r\n"

_CONTROLS = r"\x00-\x1f\x7f-\x9f\ud800-\udfff"
_PLAIN = rf'[^{_CONTROLS} <>"\\]+'
_QUOTED = rf'"(?:[^{_CONTROLS}"\\]|\\[\x20-\x7e])*"@{_PLAIN}'
_ADDRESS = re.compile(f"{_PLAIN}|{_QUOTED}")
"""Just strict enough that an address cannot leave its brackets or its line. Whether it is a good
address was decided by the validate stage, and will be by the server."""

_PRINTABLE = re.compile(r"[!-*,-<>-~]*")
_XCHARS = {chr(code) for code in range(0x21, 0x7F)} - {"+", "="}

_LINE_DOT = re.compile(rb"\n\.")  # found in less than half of the time that `in` takes
_BARE_LINE_FEED_DOT = re.compile(rb"(?<!\r)\n\.")


MAX_ENVELOPE_ID_CHARS = 100
"""RFC 3461 §4.4. What is longer is left out: nothing of ours depends on it."""

MAX_ORIGINAL_RECIPIENT_CHARS = 500
"""RFC 3461 §4.2."""


class Unsendable(Permanent):
    """This server must not, or cannot, be given this message, or this recipient."""

    def __init__(self, code: int, enhanced: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.enhanced = enhanced
        self.text = text


def mail(
    return_path: str, message: bytes, offered: Capabilities, *, utf8: bool, envelope_id: str
) -> bytes:
    """MAIL with the parameters that the server offers and this message needs.

    `utf8`: a recipient's address is in UTF-8, which is declared here. Raises `Unsendable`.
    """
    if return_path and not _ADDRESS.fullmatch(return_path):
        raise Unsendable(553, "5.1.7", f"malformed return path {return_path!r}")
    line = f"MAIL FROM:<{return_path}>"
    if offered.size:
        line += f" SIZE={len(message)}"
    if offered.eight_bit_mime and not message.isascii():
        line += " BODY=8BITMIME"
    if utf8 or not return_path.isascii():
        line += _declared(offered)
    if offered.dsn and return_path:
        line += _dsn(envelope_id)
    return f"{line}\r\n".encode()


def rcpt(recipient: str, offered: Capabilities, *, dsn: bool) -> bytes:
    """RCPT; with `dsn` the server shall report a failure, and nothing else, to the return path.

    Raises `Unsendable`.
    """
    if not _ADDRESS.fullmatch(recipient):
        raise Unsendable(553, "5.1.3", f"malformed recipient {recipient!r}")
    if not recipient.isascii():
        _declared(offered)
    notify = _notify(recipient) if dsn else ""
    return f"RCPT TO:<{recipient}>{notify}\r\n".encode()


def body(message: bytes) -> bytes:
    """The message with dots stuffed (RFC 5321 §4.5.2) and the final dot. Raises `Unsendable`."""
    if _LINE_DOT.search(message):
        _check_line_feeds(message)
        message = message.replace(b"\r\n.", b"\r\n..")
    if message.startswith(b"."):
        message = b"." + message
    return message + (b".\r\n" if message.endswith(b"\r\n") else b"\r\n.\r\n")


def chunk(message: bytes) -> bytes:
    """BDAT with the whole message as it is (RFC 3030 §2). Raises `Unsendable`."""
    if _LINE_DOT.search(message):
        _check_line_feeds(message)  # no danger on this hop, but the next one may well use DATA
    end = b"" if message.endswith(b"\r\n") else b"\r\n"
    return b"BDAT %d LAST\r\n%b%b" % (len(message) + len(end), message, end)


def _check_line_feeds(message: bytes) -> None:
    """Raises `Unsendable` for a line that begins with a dot behind a bare LF. Servers disagree on
    whether that ends the message, which is how mail is smuggled."""
    if _BARE_LINE_FEED_DOT.search(message):
        raise Unsendable(550, "5.6.0", "a bare LF before a dot")


def _declared(offered: Capabilities) -> str:
    """RFC 6531 §3.4. Raises `Unsendable` where it is not offered (§3.5)."""
    if not offered.smtp_utf8:
        raise Unsendable(550, "5.6.7", "the server does not offer SMTPUTF8")
    return " SMTPUTF8"


def _dsn(envelope_id: str) -> str:
    """RFC 3461 §4.3, §4.4: a report holds the headers, which are enough to know the message by."""
    quoted = _xtext(envelope_id)
    if not 0 < len(quoted) <= MAX_ENVELOPE_ID_CHARS:
        return " RET=HDRS"
    return f" RET=HDRS ENVID={quoted}"


def _notify(recipient: str) -> str:
    """RFC 3461 §4.1, §4.2. An address in UTF-8 would need the type of RFC 6533: left out."""
    original = f"rfc822;{_xtext(recipient)}"
    if not recipient.isascii() or len(original) > MAX_ORIGINAL_RECIPIENT_CHARS:
        return " NOTIFY=FAILURE"
    return f" NOTIFY=FAILURE ORCPT={original}"


def _xtext(text: str) -> str:
    """RFC 3461 §4: printable ASCII; whatever else as + and two hex digits."""
    if _PRINTABLE.fullmatch(text):
        return text
    return "".join(chr(b) if chr(b) in _XCHARS else f"+{b:02X}" for b in text.encode())
