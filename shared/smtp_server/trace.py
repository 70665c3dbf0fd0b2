"""Trace headers: where a mail came from, how often it went round (RFC 5321 §4.4, §6.3). Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

MAX_RECEIVED = 100
"""RFC 5321 §6.3: a mail with more goes round in circles."""

_RECEIVED = re.compile(rb"^received[ \t]*:", re.IGNORECASE | re.MULTILINE)
_HELO = re.compile(r"[A-Za-z0-9.:_\[\]-]{1,255}")


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a mail came in."""

    client: str
    """The client's address."""
    helo: str
    """What it called itself: anything at all."""
    host: str
    """What we are called."""
    protocol: str
    """RFC 3848, RFC 6531 §4.3."""


def protocol_of(is_extended: bool, is_tls: bool, is_utf8: bool) -> str:
    if is_utf8:
        return "UTF8SMTPS" if is_tls else "UTF8SMTP"
    if not is_extended:
        return "SMTP"
    return "ESMTPS" if is_tls else "ESMTP"


def received(arrival: Arrival, inbound_id: str, at: float) -> bytes:
    """The header that goes on top. What the client called itself cannot break out of it."""
    helo = arrival.helo if _HELO.fullmatch(arrival.helo) else "unknown"
    literal = f"[IPv6:{arrival.client}]" if ":" in arrival.client else f"[{arrival.client}]"
    date = format_datetime(datetime.fromtimestamp(at, UTC))
    return (
        f"Received: from {helo} ({literal})\r\n"
        f"\tby {arrival.host} with {arrival.protocol} id {inbound_id};\r\n"
        f"\t{date}\r\n"
    ).encode()


def goes_round(message: bytes) -> bool:
    """Whether more servers have had this mail than can be meant."""
    head = message.partition(b"\r\n\r\n")[0]
    return len(_RECEIVED.findall(head)) > MAX_RECEIVED
