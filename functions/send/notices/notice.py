"""Reports to who submitted by SMTP: what could not be delivered, or not yet (RFC 3464). Pure.

A report is a Batch of its own: a ready-made message with one Recipient and the null return path.
All of it is derived from the Bag and its recorded Outcomes, so a repeat after a crash makes the
same bytes under the same key. Nothing reports about a report: its Bags have no `reports_to`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from msgspec import Raw

from functions.send.notices import delivery_status, words
from functions.send.notices.multipart_report import (
    Part,
    build,
    date,
    headers_of,
    headers_part,
    message_id_in,
    one_line,
    wrapped,
)
from shared import keys
from shared.address import normal
from shared.codec import pack
from shared.errors import Malformed
from shared.ids import batch_id, digest
from shared.model import BagHeader, Content, Envelope, Sender, Submitted, encode_submitted
from shared.outcome import Outcome, State

Told = Sequence[tuple[Envelope, Outcome]]

_STATUS = re.compile(r"[45]\.\d{1,3}\.\d{1,3}")
_STATUS_OF_REASON = {
    "no_such_domain": "5.1.2",
    "invalid_email": "5.1.3",
    "null_mx": "5.1.10",  # RFC 7505 §4.2
    "suppressed": "5.7.1",
}


def is_wanted(header: BagHeader) -> bool:
    """Whether anybody is told: the mail came by SMTP, and not from the null sender."""
    return normal(header.reports_to) is not None


def failure_report(header: BagHeader, failed: Told, domain: str, host: str, at: float) -> bytes:
    """One report about all Deliveries of a Bag's attempt that finally failed. Raises `Malformed`.

    `domain` is the one whose MAILER-DAEMON writes, `host` is our name, `at` seconds since 1970.
    """
    return _Report(_FAILURE, header, failed, domain, host, at).message()


def delay_report(header: BagHeader, delayed: Told, domain: str, host: str, at: float) -> bytes:
    """The same about Deliveries that are still tried. Raises `Malformed`."""
    return _Report(_DELAY, header, delayed, domain, host, at).message()


def report_batch(header: BagHeader, kind: str, message: bytes, at: float) -> tuple[str, bytes]:
    """(key, body) of the `submitted/` object that carries a report. Raises `Malformed`.

    There is one `failure` and one `delay` for a Bag's attempt, and its key says just that: our
    name, or a word in the text, may be another by the time it is made again. Put it create-only,
    before the work object of the Bag goes. Died before: it is made again. Died after: the put
    finds it there.
    """
    place = (header.batch, str(header.bag), str(header.attempt))
    batch = batch_id(at, digest("report", *place, kind))
    content = Content(
        batch=batch,
        domain=header.domain,
        accepted_at=at,
        due_at=at,
        digest=digest(message).hex(),
        accepted=1,
        sender=Sender(email=_sender(header.domain)),
        message=message.decode("latin-1"),
        pool=header.pool,
        null_return_path=True,  # RFC 5321 §4.5.5; and no `reports_to`: no report about a report
    )
    row = Raw(msgspec.json.encode({"email": _addressee(header)}))
    submitted = Submitted(content=content, recipients=[row])
    return keys.submitted(batch), pack(encode_submitted(submitted))


def _sender(domain: str) -> str:
    return f"MAILER-DAEMON@{domain}"


def _addressee(header: BagHeader) -> str:
    address = normal(header.reports_to)
    if address is None:
        raise Malformed(f"Bag {header.batch}/{header.bag}: {header.reports_to!r} gets no report")
    return address


class _Kind(NamedTuple):
    name: str
    action: str
    """RFC 3464 §2.3.3."""
    subject: str
    opening: str
    closing: str


_FAILURE = _Kind("failure", "failed", "Mail could not be delivered", words.FAILURE, "")
_DELAY = _Kind("delay", "delayed", "Mail is delayed", words.DELAY, words.NO_NEED_TO_REPEAT)


@dataclass(frozen=True, slots=True)
class _Report:
    kind: _Kind
    header: BagHeader
    told: Told
    domain: str
    host: str
    at: float

    def message(self) -> bytes:
        if not self.told:
            raise Malformed(f"Bag {self.header.batch}/{self.header.bag}: nothing to report")
        headers = next(filter(None, (headers_of(self.header, each) for each, _ in self.told)), "")
        parts = [self._for_a_person(), self._for_programs()]
        if headers:
            parts.append(headers_part(headers))
        return build("delivery-status", self._head(message_id_in(headers)), parts)

    def _head(self, about: str) -> list[str]:
        bag = self.header
        own = f"{self.kind.name}.{bag.batch}.{bag.bag:04d}.{bag.attempt:03d}"
        head = [
            f"From: Mail Delivery System <{_sender(self.domain)}>",
            f"To: {_addressee(bag)}",
            f"Subject: {self.kind.subject}",
            f"Date: {date(self.at)}",
            f"Message-ID: <{own}@{self.domain}>",
            "Auto-Submitted: auto-replied",  # RFC 3834 §5
        ]
        return [*head, f"In-Reply-To: {about}", f"References: {about}"] if about else head

    def _for_a_person(self) -> Part:
        lines = [*wrapped(f"This is the mail system of {self.host}."), ""]
        lines += [*wrapped(self.kind.opening), ""]
        for envelope, outcome in self.told:
            lines.append(f"<{one_line(envelope.recipient)}>")
            retry_at = date(outcome.retry_at) if outcome.retry_at and self.kind is _DELAY else ""
            for sentence in words.sentences(envelope, outcome, retry_at):
                lines += wrapped(sentence, "    ", "      ")
            lines.append("")
        lines += wrapped(f"{self.kind.closing} {words.SIGNED}")
        return Part("text/plain", "Notification", "\r\n".join([*lines, ""]))

    def _for_programs(self) -> Part:
        recipients = [
            delivery_status.Recipient(
                address=envelope.recipient,
                action=self.kind.action,
                status=self._status(outcome),
                diagnostic=_diagnostic(envelope, outcome),
                remote=outcome.host,
                tried_at=outcome.at,
            )
            for envelope, outcome in self.told
        ]
        return delivery_status.part(self.host, self.header.due_at, recipients)

    def _status(self, outcome: Outcome) -> str:
        """RFC 3463; X.4.1 is silence, X.4.7 is silence until the time was up."""
        if _STATUS.fullmatch(outcome.enhanced):
            return outcome.enhanced
        if outcome.code is not None:
            return "5.0.0" if outcome.code >= 500 else "4.0.0"
        if outcome.outcome == State.REJECTED:
            return _STATUS_OF_REASON.get(outcome.reason, "5.0.0")
        return "4.4.1" if self.kind is _DELAY else "4.4.7"


def _diagnostic(envelope: Envelope, outcome: Outcome) -> str:
    """RFC 3464 §2.3.6: what the server said, or else what we saw."""
    reply = words.reply_of(outcome) or envelope.answered
    if reply:
        return f"smtp; {reply}"
    return f"x-ekiden; {outcome.text}" if outcome.text else ""
