"""The header fields of a mail (RFC 5322 §3.6): the Batch's once, the Delivery's for each.

Other alphabets go as encoded words (RFC 2047), except in addresses whose local part is not of
ASCII: those stand as they are, in UTF-8 (RFC 6532).
"""

from datetime import UTC, datetime
from email.header import Header as EncodedHeader
from email.utils import format_datetime, formataddr

from shared.address import normal_mailbox
from shared.model import Content
from shared.templating import TemplateFault

Header = tuple[str, str]
_MAX_LINE_CHARS = 76  # RFC 5322 §2.1.1 asks for 78


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
    """One mailbox (RFC 5322 §3.4)."""
    if not address.isascii():
        return f"{unstructured('From', name)} <{address}>" if name else address
    return formataddr((name, address), "utf-8")


def mailboxes(shown: list[str]) -> str:
    """Several mailboxes, one a line."""
    parsed = [normal_mailbox(text) for text in shown]
    return ",\r\n ".join(mailbox(*each) for each in parsed if each)


def unstructured(name: str, value: str) -> str:
    """A value for a field of free text, encoded and folded where it has to be."""
    if any(character in value for character in "\r\n\x00"):
        raise TemplateFault(f"{name} would have a line end or a NUL character")
    if value.isascii() and len(name) + 2 + len(value) <= _MAX_LINE_CHARS and "=?" not in value:
        return value
    charset = "us-ascii" if value.isascii() and "=?" not in value else "utf-8"
    folded = EncodedHeader(value, charset, _MAX_LINE_CHARS, name)
    return folded.encode(linesep="\r\n")
