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

_BARE_LINE_FEED_DOT = re.compile(rb"(?<!\r)\n\.")


class Unsendable(Permanent):
    """This server must not, or cannot, be given this message."""

    def __init__(self, code: int, enhanced: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.enhanced = enhanced
        self.text = text


def mail(return_path: str, recipient: str, message: bytes, offered: Capabilities) -> bytes:
    """MAIL with the parameters that the server offers and this message needs.

    The recipient counts because SMTPUTF8 is declared here. Raises `Unsendable`.
    """
    size = f" SIZE={len(message)}" if offered.size else ""
    body = " BODY=8BITMIME" if offered.eight_bit_mime and not message.isascii() else ""
    utf8 = ""
    if not (return_path.isascii() and recipient.isascii()):
        if not offered.smtp_utf8:  # RFC 6531 §3.5
            raise Unsendable(550, "5.6.7", "the server does not offer SMTPUTF8")
        utf8 = " SMTPUTF8"
    if return_path and not _ADDRESS.fullmatch(return_path):
        raise Unsendable(553, "5.1.7", f"malformed return path {return_path!r}")
    return f"MAIL FROM:<{return_path}>{size}{body}{utf8}\r\n".encode()


def rcpt(recipient: str) -> bytes:
    """RCPT. Raises `Unsendable`."""
    if not _ADDRESS.fullmatch(recipient):
        raise Unsendable(553, "5.1.3", f"malformed recipient {recipient!r}")
    return f"RCPT TO:<{recipient}>\r\n".encode()


def body(message: bytes) -> bytes:
    """The message with dots stuffed (RFC 5321 §4.5.2) and the final dot.

    Raises `Unsendable` for a line that begins with a dot behind a bare LF. Servers disagree on
    whether that ends the message, which is how mail is smuggled.
    """
    if b"\n." in message:
        if _BARE_LINE_FEED_DOT.search(message):
            raise Unsendable(550, "5.6.0", "a bare LF before a dot")
        message = message.replace(b"\r\n.", b"\r\n..")
    if message.startswith(b"."):
        message = b"." + message
    return message + (b".\r\n" if message.endswith(b"\r\n") else b"\r\n.\r\n")
