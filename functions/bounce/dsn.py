"""Delivery status notifications: RFC 3464, and RFC 6533 for other alphabets. Pure."""

import re

from functions.bounce.mime import Part, fields_of
from functions.bounce.report import Kind, Report, Reported
from functions.bounce.words import clean, enhanced_in, reply_in, typed_address

KINDS = ("message/delivery-status", "message/global-delivery-status")
MAX_RECIPIENTS = 200
_ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")
_BLANK_LINES = re.compile(rb"\n(?:[ \t]*\r?\n)+")
_BY_CLASS = {"5": "failed", "4": "delayed", "2": "delivered"}


def read(part: Part) -> Report | None:
    """What a delivery status says, or None if it is about nobody."""
    reporter = ""
    recipients: list[Reported] = []
    for block in _BLANK_LINES.split(part.content):
        group = dict(reversed(fields_of(block)))  # of two that are alike, the first counts
        reporter = reporter or _name(group.get("reporting-mta", ""))
        reported = _recipient(group, reporter)
        if reported:
            recipients.append(reported)
        if len(recipients) == MAX_RECIPIENTS:
            break
    return Report(_kind(recipients), tuple(recipients)) if recipients else None


def _kind(recipients: list[Reported]) -> Kind:
    actions = {each.action for each in recipients}
    if "failed" in actions:
        return Kind.BOUNCE
    return Kind.DELAY if "delayed" in actions else Kind.NOTICE


def _recipient(group: dict[str, str], reporter: str) -> Reported | None:
    """RFC 3464 §2.3: the fields about one recipient."""
    final = typed_address(group.get("final-recipient", ""))
    original = typed_address(group.get("original-recipient", ""))
    if not (final or original):
        return None
    status = enhanced_in(group.get("status", ""))
    code, enhanced, text = _diagnosis(group.get("diagnostic-code", ""))
    action = _action(group.get("action", ""), status or enhanced)
    return Reported(
        address=final or original,
        action=action,
        original=original,
        code=code,
        # The server that said no knows better than the one that reports it: "5.0.0", "4.4.7".
        enhanced=enhanced or status or ("5.0.0" if action == "failed" else ""),
        text=text or clean(group.get("status", "").removeprefix(status)).strip("() "),
        host=_name(group.get("remote-mta", "")) or reporter,
    )


def _action(value: str, status: str) -> str:
    """RFC 3464 §2.3.3; some leave it out, or say "failure"."""
    word = value.strip().lower()
    for action in _ACTIONS:
        if word.startswith(action[:4]):
            return action
    return _BY_CLASS.get(status[:1], "failed")


def _diagnosis(value: str) -> tuple[int | None, str, str]:
    """RFC 3464 §2.3.6: `smtp; 550 5.1.1 …`, `X-Postfix; …`, or without a type."""
    kind, semicolon, text = value.partition(";")
    if not semicolon or " " in kind.strip():
        kind, text = "", value
    if kind.strip().lower() in ("", "smtp", "x-postfix", "x-smtp", "x-exim", "lmtp"):
        return reply_in(text)
    return None, "", clean(text)


def _name(value: str) -> str:
    """RFC 3464 §2.2.2: `dns; mx.example.com`, with a comment or an address behind it."""
    name = value.partition(";")[2] or value
    return clean(name.partition("(")[0]).partition(" ")[0].strip("[]")[:255]
