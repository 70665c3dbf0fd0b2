"""Bags, Outcomes and reports for the tests of the reports that go to a sender."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from functions.send.notices.notice import delay_report, failure_report
from shared.ids import delivery_id
from shared.model import BagHeader, Envelope
from shared.outcome import Outcome, State

BATCH = "01hf7yat00abcdefghjkmnpqrs"
DUE_AT = 1_700_000_000.0
AT = DUE_AT + 3600
ORIGINAL = (
    "DKIM-Signature: v=1; a=ed25519-sha256; d=example.org;\r\n b=abc\r\n"
    "From: Ann <ann@example.org>\r\n"
    "To: bob@far.example\r\n"
    "Subject: Our meeting\r\n"
    "Message-ID: <one@example.org>\r\n"
    "\r\n"
    "A secret that no report repeats.\r\n"
)


def bag(**given: Any) -> BagHeader:
    known: dict[str, Any] = {"batch": BATCH, "bag": 3, "attempt": 2, "domain": "example.org"}
    known |= {"due_at": DUE_AT, "reports_to": "ann@example.org", "shared": [ORIGINAL]}
    return BagHeader(**(known | given))


def envelope(n: int = 0, recipient: str = "bob@far.example", **given: Any) -> Envelope:
    known: dict[str, Any] = {"return_path": "b@example.org", "message": [0]}
    return Envelope(n=n, recipient=recipient, **(known | given))


def outcome(about: Envelope, **given: Any) -> Outcome:
    """By default a server said that there is no such mailbox."""
    known: dict[str, Any] = {
        "outcome": State.BOUNCED,
        "at": AT - 5,
        "code": 550,
        "enhanced": "5.1.1",
        "text": "No such user here",
        "bounce_class": "invalid_recipient",
        "hard": True,
        "host": "mx.far.example",
    }
    delivery = delivery_id(BATCH, 3, about.n)
    return Outcome(delivery=delivery, recipient=about.recipient, **(known | given))


def failed(header: BagHeader | None = None, **given: Any) -> bytes:
    """The report about one Delivery that bounced; `given` changes its Outcome."""
    one = envelope()
    return failures((one, outcome(one, **given)), header=header)


def failures(*told: tuple[Envelope, Outcome], header: BagHeader | None = None) -> bytes:
    return failure_report(header or bag(), told, "example.org", "mta.example.org", AT)


def delayed(**given: Any) -> bytes:
    one = envelope()
    deferred = {"outcome": State.DEFERRED, "code": 451, "enhanced": "4.3.0", "retry_at": AT + 600}
    said = outcome(one, **(deferred | {"text": "later", "bounce_class": "other"} | given))
    return delay_report(bag(), [(one, said)], "example.org", "mta.example.org", AT)


def parsed(report: bytes) -> EmailMessage:
    message = message_from_bytes(report, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def parts(report: bytes) -> list[Any]:
    return list(parsed(report).iter_parts())


def text(report: bytes) -> str:
    """What a person reads, in one line."""
    return " ".join(parts(report)[0].get_content().split())


def status_groups(report: bytes) -> list[dict[str, str]]:
    """The groups of fields for programs: the report's own, then one for each recipient."""
    groups = [dict(group.items()) for group in parts(report)[1].get_payload()]
    return [{name: " ".join(str(value).split()) for name, value in each.items()} for each in groups]
