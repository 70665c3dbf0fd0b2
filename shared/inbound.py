"""Mail that arrived on port 25, as it stands in `inbound/`: its envelope, then the message.

    Return-Path: <>
    Delivered-To: b-01hf….0000.0000-abcdefghijklmnop@example.com
    Received: from mx.example.net ([192.0.2.1]) by …; Sat, 21 Nov 2026 15:00:00 +0000
    …the message as it came…

The lines above `Received` are ours, so nothing that the message says can pretend to be its
envelope. It is a mail that a person can open.
"""

import re
from dataclasses import dataclass

from shared.errors import Malformed

_ENVELOPE = re.compile(
    rb"Return-Path: <([^\r\n]*)>\r\n((?:Delivered-To: [^\r\n]+\r\n)+)(?=Received: )"
)


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message with its envelope."""

    sender: str
    """RFC 5321 reverse-path; "" for the null one of a report."""
    recipients: list[str]
    message: bytes
    """Begins with the Received header that we put on top."""


def encode(inbound: Inbound) -> bytes:
    lines = [f"Return-Path: <{inbound.sender}>\r\n"]
    lines += [f"Delivered-To: {recipient}\r\n" for recipient in inbound.recipients]
    return "".join(lines).encode() + inbound.message


def decode(body: bytes) -> Inbound:
    """Raises `Malformed`."""
    match = _ENVELOPE.match(body)
    if match is None:
        raise Malformed("an inbound object begins with Return-Path, Delivered-To and Received")
    recipients = [line.partition(b": ")[2] for line in match[2].split(b"\r\n") if line]
    try:
        return Inbound(
            match[1].decode(), [each.decode() for each in recipients], body[match.end() :]
        )
    except UnicodeDecodeError as error:
        raise Malformed("the envelope of an inbound object is no UTF-8") from error
