"""What submission by SMTP decides about a message (RFC 6409 §8), and how it says no. Pure.

The bytes stay, with three exceptions: a Date and a Message-ID that are missing are put on top, and
Bcc is taken out, since every Recipient would see it. No Received header is added: the client is an
app of the Domain itself, the Message-ID and the return path lead to the Batch, and the address of
a machine inside somebody's network is none of the Recipients' business.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from functions.submit.message import accept_message
from functions.submit.request import Circumstances
from shared.errors import LostRace
from shared.http import Problem
from shared.model import MessageRequest, Submitted

_FIELD = re.compile(rb"\r\n(?![ \t])")
_NAME = re.compile(rb"[!-9;-~]+")
_HIDDEN = {b"bcc", b"resent-bcc"}

_REPLIES = {
    "message_too_large": "552 5.3.4",
    "invalid_message": "554 5.6.0",
    "invalid_sender": "550 5.6.0",
    "foreign_sender": "550 5.7.1",
    "no_acceptable_recipient": "554 5.5.1",
    "too_many_recipients": "554 5.5.3",
}
"""By the kind of problem; the rest is "554 5.6.0"."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One message with its envelope, as a client handed it over."""

    sender: str
    """RFC 5321 reverse-path; "" for the null one: then nothing may come back (§4.5.5)."""
    recipients: list[str]
    message: bytes
    wants_reports: bool = True
    """RFC 3461 §4.1: not, if every Recipient came with NOTIFY=NEVER."""


def accept_mail(mail: Mail, case: Circumstances) -> Submitted:
    """The Batch that carries this mail. Raises `Problem`, and `LostRace` for half a yes."""
    submitted = accept_message(
        MessageRequest(recipients=mail.recipients),
        completed(mail.message, case),
        case,
        reports_to=mail.sender if mail.wants_reports else "",
        null_return_path=not mail.sender,
    )
    if submitted.content.rejected:
        # RCPT was answered 250 for all of them: the client asks again, and hears which one.
        raise LostRace("a Recipient was suppressed while the mail came")
    return submitted


def completed(message: bytes, case: Circumstances) -> bytes:
    """The message with what RFC 5322 §3.6 asks for, derived from the Batch; the same each time."""
    from email.utils import format_datetime  # only SMTP needs it: a cold start is measured

    head, gap, body = message.partition(b"\r\n\r\n")
    if not gap:
        return message  # no headers: it will be refused as it is
    fields = [(_name(field), field) for field in _FIELD.split(head)]
    names = {name for name, _ in fields}
    kept = [field for name, field in fields if name not in _HIDDEN]
    added = []
    if b"date" not in names:
        now = format_datetime(datetime.fromtimestamp(case.now, UTC))
        added.append(f"Date: {now}".encode())
    if b"message-id" not in names:
        added.append(f"Message-ID: <{case.batch}@{case.domain}>".encode())
    if not added and len(kept) == len(fields):
        return message
    return b"\r\n".join([*added, *kept]) + gap + body


def _name(field: bytes) -> bytes:
    match = _NAME.match(field)
    return match[0].lower() if match else b""


def refusal(problem: Problem) -> str:
    """The SMTP reply that says what a problem document says."""
    if problem.status in (429, 503):
        return f"451 4.3.0 {problem.detail}"
    return f"{_REPLIES.get(problem.kind, '554 5.6.0')} {problem.detail}"
