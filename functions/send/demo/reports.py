"""What comes back for a Delivery that the demo took, as a provider would send it. Pure.

Ids, dates and bytes are derived from the Bag and the Delivery: a repeat makes the same objects.
"""

from functions.send.demo.answers import HOST
from functions.send.notices import delivery_status
from functions.send.notices.multipart_report import (
    Part,
    build,
    date,
    fields,
    headers_of,
    headers_part,
)
from shared import inbound, keys
from shared.feedback import Event, encode_lines
from shared.ids import batch_id, delivery_id, digest
from shared.model import BagHeader, Envelope

BOUNCE_AFTER_S = 60.0
READ_AFTER_S = 600.0
COMPLAINT_AFTER_S = 3600.0
_AGENT = "Ekiden-Demo/1.0"
_NO_MAILBOX = "550 5.1.1 User unknown in local recipient table"


def late_bounce(header: BagHeader, envelope: Envelope) -> tuple[str, bytes]:
    """(key, body): the next server reports that it could not deliver (RFC 3464)."""
    at = _sent_at(header) + BOUNCE_AFTER_S
    name = _derived_id(header, envelope, "late bounce", at)
    person = (
        f"Your message could not be delivered.\r\n\r\n<{envelope.recipient}>: {_NO_MAILBOX}\r\n"
    )
    bounced = delivery_status.Recipient(
        envelope.recipient, "failed", "5.1.1", f"smtp; {_NO_MAILBOX}", tried_at=at
    )
    parts = [
        Part("text/plain", "Notification", person),
        delivery_status.part(HOST, _sent_at(header), [bounced]),
        headers_part(headers_of(header, envelope)),
    ]
    to = envelope.return_path
    head = _head("MAILER-DAEMON", to, "Undelivered Mail Returned to Sender", name, at)
    report = build("delivery-status", [*head, "Auto-Submitted: auto-replied"], parts)
    return _arrived(name, "", to, _received(name, at) + report)


def complaint(header: BagHeader, envelope: Envelope, feedback: str) -> tuple[str, bytes]:
    """(key, body): the reader's provider reports spam (RFC 5965), to `feedback` or, if that is
    empty, to `abuse@` the return path's host."""
    at = _sent_at(header) + COMPLAINT_AFTER_S
    name = _derived_id(header, envelope, "complaint", at)
    about = fields(
        (
            ("Feedback-Type", "abuse"),  # RFC 5965 §3.1
            ("User-Agent", _AGENT),
            ("Version", "1"),
            ("Original-Mail-From", f"<{envelope.return_path}>"),  # RFC 5965 §3.2
            ("Original-Rcpt-To", f"<{envelope.recipient}>"),
            ("Arrival-Date", date(_sent_at(header))),
            ("Reporting-MTA", f"dns; {HOST}"),
            ("Reported-Domain", header.domain),
        )
    )
    person = f"This is a report of abuse for a message from {header.domain}.\r\n"
    parts = [
        Part("text/plain", "Notification", person),
        Part("message/feedback-report", "Feedback report", about),
        headers_part(headers_of(header, envelope)),
    ]
    to = feedback or f"abuse@{envelope.return_path.rpartition('@')[2]}"
    report = build("feedback-report", _head("feedback", to, "Abuse report", name, at), parts)
    return _arrived(name, f"feedback@{HOST}", to, _received(name, at) + report)


def event(header: BagHeader, envelope: Envelope, kind: str) -> tuple[str, bytes]:
    """(key, body): somebody opened the mail, or clicked in it."""
    at = _sent_at(header) + READ_AFTER_S
    delivery = delivery_id(header.batch, header.bag, envelope.n)
    line = Event(delivery=delivery, recipient=envelope.recipient, kind=kind, at=at, simulated=True)
    key = keys.event(header.domain, at, _derived_id(header, envelope, kind, at))
    return key, encode_lines([line])


def _sent_at(header: BagHeader) -> float:
    """When this attempt was due, seconds since 1970: the demo has no other clock."""
    return max(header.at, header.due_at)


def _derived_id(header: BagHeader, envelope: Envelope, kind: str, at: float) -> str:
    """The id of what comes back: in order of time, and the same for every repeat."""
    delivery = delivery_id(header.batch, header.bag, envelope.n)
    return batch_id(at, digest("demo", kind, delivery))


def _head(local: str, to: str, subject: str, name: str, at: float) -> list[str]:
    return [
        f"From: {local}@{HOST}",
        f"To: {to}",
        f"Subject: {subject}",
        f"Date: {date(at)}",
        f"Message-ID: <{name}@{HOST}>",
    ]


def _received(name: str, at: float) -> bytes:
    """RFC 5321 §4.4; it came over no wire, and says so."""
    trace = f"Received: from {HOST} by {HOST} (Ekiden's demo) id {name};\r\n {date(at)}\r\n"
    return trace.encode()


def _arrived(name: str, sender: str, to: str, message: bytes) -> tuple[str, bytes]:
    return keys.inbound(name), inbound.encode(inbound.Inbound(sender, [to], message))
