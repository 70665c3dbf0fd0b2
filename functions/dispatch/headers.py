"""The header fields of a mail (RFC 5322 §3.6): the Batch's once, the Delivery's for each.

Other alphabets go as encoded words (RFC 2047), except in addresses whose local part is not of
ASCII: those stand as they are, in UTF-8 (RFC 6532).
"""

import re
from datetime import UTC, datetime
from email.header import Header as EncodedHeader
from email.utils import format_datetime, quote

from shared.address import normal_mailbox
from shared.model import Content
from shared.templating import TemplateFault

Header = tuple[str, str]
_MAX_LINE_CHARS = 76  # RFC 5322 §2.1.1 asks for 78
_MAX_PHRASE_CHARS = 60
_PRINTABLE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_SPECIAL = re.compile(r"[^A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]|  ")  # RFC 5322 §3.2.3
_FOLDABLE = re.compile(r"[!-~]{1,60}(?: [!-~]{1,60})*")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def of_batch(content: Content) -> list[Header]:
    """The fields that all Deliveries of a Batch have in common, but for To and Subject."""
    headers = [
        ("From", mailbox(content.sender.alias, content.sender.email)),
        ("Date", format_datetime(datetime.fromtimestamp(int(content.due_at), UTC))),
        ("MIME-Version", "1.0"),
    ]
    for name, shown in (("Cc", content.headers.cc), ("Reply-To", content.headers.reply_to)):
        if shown:
            headers.append((name, mailboxes(shown)))
    return headers


def mailbox(name: str, address: str) -> str:
    """One mailbox (RFC 5322 §3.4), on two lines if it is long."""
    if not name:
        return address
    phrase = _phrase(name)
    # Room for "Reply-To: " before it, and for a comma behind it.
    long = len(phrase.rpartition("\n")[2]) + len(address) > _MAX_LINE_CHARS - 14
    return f"{phrase}\r\n <{address}>" if long else f"{phrase} <{address}>"


def _phrase(name: str) -> str:
    """A display name: as it is, quoted, or as encoded words (RFC 2047 §5 (3))."""
    if len(name) > _MAX_PHRASE_CHARS or not _PRINTABLE.fullmatch(name) or "=?" in name:
        return _encoded(name, "utf-8", "Reply-To")
    return f'"{quote(name)}"' if _SPECIAL.search(name) else name


def mailboxes(shown: list[str]) -> str:
    """Several mailboxes, one a line."""
    parsed = [normal_mailbox(text) for text in shown]
    return ",\r\n ".join(mailbox(*each) for each in parsed if each)


def unstructured(name: str, value: str) -> str:
    """A value for a field of free text, encoded and folded where it has to be."""
    if _CONTROL.search(value):
        raise TemplateFault(f"{name} would have a line end or another control character")
    if "=?" not in value and value.isascii():
        if len(name) + 2 + len(value) <= _MAX_LINE_CHARS:
            return value
        if _FOLDABLE.fullmatch(value):
            return _encoded(value, "us-ascii", name)
    return _encoded(value, "utf-8", name)


def _encoded(value: str, charset: str, name: str) -> str:
    """With lines of 76 characters at most (RFC 2047 §2)."""
    try:
        return EncodedHeader(value, charset, _MAX_LINE_CHARS, name).encode(linesep="\r\n")
    except UnicodeEncodeError as error:
        raise TemplateFault(f"{name} would have half a character (a lone surrogate)") from error
