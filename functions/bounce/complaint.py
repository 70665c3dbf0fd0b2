"""Complaints in the Abuse Reporting Format, RFC 5965. Pure."""

import re
from collections.abc import Iterable

from functions.bounce.mime import Part, fields_of, head_of
from functions.bounce.report import Kind, Report, Reported
from functions.bounce.words import address_in

KIND = "message/feedback-report"
ORIGINALS = ("message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers")
NO_COMPLAINTS = frozenset({"not-spam", "auth-failure", "dkim", "miscategorized"})
"""RFC 5965 §7.3, RFC 6430, RFC 6591: the contrary, and reports about signatures."""

MAX_RETURN_PATHS = 10
"""Each may cost a read of a Batch that may not exist."""
_RETURN_PATH = re.compile(
    r"b-[0-9a-z]{26}\.\d{4}\.\d{4}-[a-z2-7]{16}@[a-z0-9.-]{1,255}", re.IGNORECASE
)


def read(part: Part, leaves: Iterable[Part]) -> Report:
    """What a feedback report says; `leaves`: all parts of the mail."""
    fields = fields_of(part.content)
    feedback_type = _first(fields, "feedback-type").partition(" ")[0].lower() or "abuse"
    addresses = [address_in(value) for name, value in fields if name == "original-rcpt-to"]
    said = [value for name, value in fields if name == "original-mail-from"]
    said += [value for name, value in fields if name != "original-mail-from"]
    return Report(
        Kind.NOTICE if feedback_type in NO_COMPLAINTS else Kind.COMPLAINT,
        recipients=tuple(Reported(address, "complained") for address in addresses if address),
        feedback_type=feedback_type[:50],
        return_paths=_unique(_found(said) + of_originals(leaves)),
    )


def of_originals(leaves: Iterable[Part]) -> list[str]:
    """What looks like our return path in the headers of the mails that came along."""
    found: list[str] = []
    for part in leaves:
        if part.kind in ORIGINALS:
            fields = fields_of(head_of(part.content))
            fields.sort(key=lambda each: each[0] != "return-path")  # others may quote older mail
            found += _found(value for _, value in fields)
    return found


def _found(values: Iterable[str]) -> list[str]:
    return [address for value in values for address in _RETURN_PATH.findall(value)]


def _unique(addresses: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(address.lower() for address in addresses))[:MAX_RETURN_PATHS]


def _first(fields: list[tuple[str, str]], name: str) -> str:
    return next((value for found, value in fields if found == name), "")
