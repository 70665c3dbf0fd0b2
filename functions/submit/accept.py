"""What a submit decides: which Batch this is, who gets it, and who not. Pure.

A wrong content refuses the whole call; a wrong Recipient is refused alone, with a stable word, and
the others go on. Nothing here reads a clock, a store or the network.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw

from functions.submit import parts
from functions.submit.fields import can_be_sent, fit_headers
from functions.submit.request import Circumstances, Limits, ParsedBatch, parse
from functions.submit.templates import needed
from functions.submit.watching import is_allowed, tracking_of, unsubscribe_url
from shared import unsubscribe
from shared.address import domain_of, is_printable, normal, normal_mailbox
from shared.address_set import AddressSet
from shared.http import Problem
from shared.model import (
    Content,
    Recipient,
    Rejection,
    Sender,
    ShownHeaders,
    Submitted,
)
from shared.suppressions import is_suppressed

MAX_SUBJECT_CHARS = 5000
"""It is a Template, too; what it renders to is one header field."""
MAX_NAME_BYTES = 320
"""A display name, so that it and its address fit in one line of 998 (RFC 5322 §2.1.1) encoded."""
MAX_SHOWN = 100
CLOCK_SKEW_S = 60.0
"""A scheduled time may be this long ago: the app's clock is not ours."""


_RECIPIENT = msgspec.json.Decoder(Recipient)


def accept(request: ParsedBatch, case: Circumstances) -> Submitted:
    """The Batch as it will be stored. Raises `Problem` if nothing of it can be sent."""
    _check_count(len(request.recipients), case.limits)
    subject, html, text = _texts(request, case)
    sender = _sender(request.sender, case.domain)
    parts.check_attachments(request.attachments, case.limits.max_attachments)
    headers = _shown(request.headers)
    files = sum(len(file.content) for file in request.attachments)
    check_size(len(html.encode()) + len(text.encode()) + files, case.limits)
    url = unsubscribe_url(request, case)
    hosted = request.one_click_unsubscribe is not None and not url
    tracking = tracking_of(request, case)
    if not can_be_sent(request.global_fields, msgspec.json.encode(request.global_fields)):
        detail = "global_fields have a NUL character, or are nested too deep"
        raise Problem(422, "invalid_content", detail)
    known = {**request.global_fields, **({"unsubscribe_url": "x"} if hosted else {})}
    rules = _Rules(needed(html, text), needed(subject), url, known, case)
    kept, rejected = _sort_out(request.recipients, rules)
    if not kept:
        refuse_all(rejected)
    content = Content(
        batch=case.batch,
        domain=case.domain,
        accepted_at=case.now,
        due_at=due_time(request.scheduled_time, case),
        digest=case.digest,
        accepted=len(kept),
        rejected=rejected,
        sender=sender,
        subject=subject,
        html=html,
        text=text,
        global_fields=request.global_fields,
        attachments=request.attachments,
        headers=headers,
        unsubscribe_url=url,
        tags=parts.checked_tags(request.tags),
        metadata=parts.checked_metadata(request.metadata),
        pool=request.pool,
        tracking=None if tracking.is_off else tracking,
        hosted_unsubscribe=hosted,
        tracking_url=case.tracking_url if hosted or not tracking.is_off else "",
    )
    return Submitted(content=content, recipients=kept)


def refuse_all(rejected: list[Rejection]) -> None:
    raise Problem(
        422,
        "no_acceptable_recipient",
        f"none of the {len(rejected)} Recipients can be sent to; the first: {rejected[0].reason}",
        rejected_recipients=[msgspec.to_builtins(each) for each in rejected[:1000]],
    )


def _check_count(count: int, limits: Limits) -> None:
    if not count:
        raise Problem(422, "no_recipients", "recipients is empty")
    if count > limits.max_recipients:
        detail = f"{count} Recipients in one Batch; at most {limits.max_recipients} are allowed"
        raise Problem(422, "too_many_recipients", detail)


def check_size(size_bytes: int, limits: Limits) -> None:
    if size_bytes > limits.max_message_bytes:
        detail = f"one mail would have {size_bytes} bytes; at most {limits.max_message_bytes}"
        raise Problem(413, "message_too_large", detail)


def _texts(request: ParsedBatch, case: Circumstances) -> tuple[str, str, str]:
    own = (request.subject, request.html, request.text)
    if request.template_id:
        if any(own):
            detail = "give template_id, or subject with html and text, not both"
            raise Problem(422, "template_and_content", detail)
        assert case.template is not None  # the caller has looked it up
        own = (case.template.subject, case.template.html, case.template.text)
    if not own[1] and not own[2]:
        raise Problem(422, "no_content", "html, text or template_id is needed")
    if not is_printable(own[0]) or len(own[0]) > MAX_SUBJECT_CHARS:
        detail = f"subject has a line end, a control character, or over {MAX_SUBJECT_CHARS} of any"
        raise Problem(422, "invalid_header", detail)
    if "\x00" in own[1] or "\x00" in own[2]:
        raise Problem(422, "invalid_content", "html or text has a NUL character")
    return own


def _sender(sender: Sender, domain: str) -> Sender:
    address = normal(sender.email)
    if address is None:
        raise Problem(422, "invalid_sender", f"{sender.email!r} is no mail address")
    if domain_of(address) != domain:
        detail = f"this API key sends for {domain}, not for {domain_of(address)}"
        raise Problem(403, "foreign_sender", detail)
    if not is_printable(sender.alias) or len(sender.alias.encode()) > MAX_NAME_BYTES:
        detail = f"sender.alias has a line end, a control character or over {MAX_NAME_BYTES} bytes"
        raise Problem(422, "invalid_header", detail)
    return Sender(email=address, alias=sender.alias)


def _shown(headers: ShownHeaders) -> ShownHeaders:
    for name in ("to", "cc", "reply_to"):
        shown = getattr(headers, name)
        if len(shown) > MAX_SHOWN:
            detail = f"headers.{name} has {len(shown)} mailboxes; at most {MAX_SHOWN} are allowed"
            raise Problem(422, "invalid_header", detail)
        for text in shown:
            mailbox = normal_mailbox(text)
            if mailbox is None or len(mailbox[0].encode()) > MAX_NAME_BYTES:
                detail = f"headers.{name}: {text[:200]!r} is no mailbox"
                raise Problem(422, "invalid_header", detail)
    return headers


def due_time(scheduled_time: str, case: Circumstances) -> float:
    """When to send, in seconds since 1970. Raises `Problem` for the past and the far future."""
    if not scheduled_time:
        return case.now
    try:
        if not is_printable(scheduled_time):
            raise ValueError("it has a control character")
        when = datetime.fromisoformat(scheduled_time)
    except ValueError as error:
        raise Problem(422, "invalid_scheduled_time", str(error)) from error
    if when.tzinfo is None:
        detail = "scheduled_time needs an offset, as in 2026-11-21T09:00:00+01:00"
        raise Problem(422, "invalid_scheduled_time", detail)
    due = when.timestamp()
    if due < case.now - CLOCK_SKEW_S:
        raise Problem(422, "invalid_scheduled_time", "scheduled_time has passed")
    if due > case.now + case.limits.max_schedule_ahead_s:
        days = case.limits.max_schedule_ahead_s / 86400
        raise Problem(422, "invalid_scheduled_time", f"more than {days:g} days from now")
    return max(due, case.now)


@dataclass(frozen=True, slots=True)
class _Rules:
    """What every Recipient of this Batch is measured by."""

    in_bodies: frozenset[str]
    in_headers: frozenset[str]
    url: str
    global_fields: Mapping[str, Any]
    case: Circumstances


def _sort_out(rows: Iterable[Raw], rules: _Rules) -> tuple[list[Raw], list[Rejection]]:
    kept: list[Raw] = []
    rejected: list[Rejection] = []
    seen = AddressSet()
    for number, raw in enumerate(rows):
        recipient: Recipient = parse(_RECIPIENT, raw, f".recipients[{number}]")
        reason = _refusal(recipient, raw, rules, seen)
        if reason:
            rejected.append(Rejection(recipient.email, reason))
        else:
            kept.append(raw)
    return kept, rejected


def _refusal(recipient: Recipient, raw: Raw, rules: _Rules, seen: AddressSet) -> str:
    """Why this Recipient is refused, or an empty text; adds it to those seen."""
    address = normal(recipient.email)
    if address is None:
        return "invalid_email"
    if address in seen:
        return "duplicate"
    if is_suppressed(address, rules.case.suppressed):
        return "suppressed"
    fields = recipient.fields
    if len(fields) > rules.case.limits.max_fields:
        return "too_many_fields"
    if not can_be_sent(fields, bytes(raw)):
        return "invalid_field"
    everything = {**rules.global_fields, **fields} if rules.global_fields else fields
    if not everything.keys() >= rules.in_bodies | rules.in_headers:
        return "undefined_field"
    if not fit_headers(everything, rules.in_headers):
        return "invalid_field"
    if recipient.tracking and not is_allowed(recipient.tracking, rules.case.ceiling):
        return "tracking_above_ceiling"
    if rules.url:
        try:
            unsubscribe.fill(rules.url, everything)
        except unsubscribe.Unresolved:
            return "unsubscribe_url_unresolved"
    seen.add(address)
    return ""
