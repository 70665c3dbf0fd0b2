"""The part of a report that programs read (RFC 3464; RFC 6533 for other alphabets). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from functions.send.notices.multipart_report import Part, date, fields, one_line

_NOT_IN_UNITEXT = " +=\\"


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient's group of fields (RFC 3464 §2.3)."""

    address: str
    action: str
    status: str
    """RFC 3463."""
    diagnostic: str = ""
    """`type; text`."""
    remote: str = ""
    """The name of the server that said so."""
    tried_at: float = 0.0


def part(host: str, arrived_at: float, recipients: Sequence[Recipient]) -> Part:
    """`host` is the name of who reports; times are in seconds since 1970."""
    head = fields((("Reporting-MTA", f"dns; {host}"), ("Arrival-Date", date(arrived_at))))
    text = "\r\n".join([head, *map(_group, recipients)])
    is_ascii = all(each.address.isascii() for each in recipients)
    kind = "message/delivery-status" if is_ascii else "message/global-delivery-status"
    return Part(kind, "Delivery report", text)


def _group(recipient: Recipient) -> str:
    return f"Final-Recipient: {typed(recipient.address)}\r\n" + fields(
        (
            ("Action", recipient.action),
            ("Status", recipient.status),
            ("Remote-MTA", f"dns; {recipient.remote}" if recipient.remote else ""),
            ("Diagnostic-Code", as_ascii(recipient.diagnostic)),
            ("Last-Attempt-Date", date(recipient.tried_at) if recipient.tried_at else ""),
        )
    )


def typed(address: str) -> str:
    """An address with its type: `rfc822`, or `utf-8` with unitext (RFC 6533 §3)."""
    if address.isascii():
        return f"rfc822; {address if address.isprintable() else one_line(address)}"
    return "utf-8; " + "".join(
        _embedded(c) if c in _NOT_IN_UNITEXT or not c.isprintable() else c for c in address
    )


def as_ascii(text: str) -> str:
    """Programs read ASCII; the part for a person has the text as it was."""
    return "".join(c if c.isascii() else _embedded(c) for c in one_line(text))


def _embedded(character: str) -> str:
    return f"\\x{{{ord(character):02X}}}"
