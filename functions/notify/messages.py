"""What a Webhook is told, by Standard Webhooks: type, timestamp, data. Pure.

    {"type": "delivery.bounced", "timestamp": "2027-01-15T08:00:00.000Z", "data": {…}}

Ids and bytes come from what is recorded alone: a repeat says the same under the same id.
"""

from base64 import b32encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from shared import keys
from shared.errors import Malformed
from shared.ids import digest, parse_delivery, time_of
from shared.inbound import Inbound
from shared.outcome import Outcome
from shared.webhooks import RECEIVED, Webhook

MOST_BYTES = 256 * 1024
"""Of one POST with several messages; a single one is never cut."""
_LINES = msgspec.json.Decoder(dict[str, Any])
_TOLD = ("code", "enhanced", "text", "reason", "host", "tls", "ambiguous", "hard")
"""Of an Outcome, where it has them; the rest is between Ekiden and the other server."""


@dataclass(frozen=True, slots=True)
class Message:
    """One event, as it is told."""

    id: str
    event: str
    """What the Webhook filters by."""
    body: bytes
    delivery: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """One POST."""

    id: str
    body: bytes
    messages: tuple[Message, ...]


def of_outcomes(webhook: Webhook, domain: str, outcomes: Iterable[Outcome]) -> list[Message]:
    """One for each Outcome that it wants to hear; one that was recorded twice is told once."""
    found: dict[str, Message] = {}
    for outcome in outcomes:
        if outcome.outcome in webhook.events:
            name = _id(webhook, outcome.delivery, outcome.outcome, str(outcome.attempt))
            found[name] = _message(
                name, outcome.outcome, outcome.at, {"domain": domain, **_data(outcome)}
            )
    return list(found.values())


def _data(outcome: Outcome) -> dict[str, Any]:
    place = parse_delivery(outcome.delivery)
    data = {
        "batch": place[0] if place else "",
        "delivery": outcome.delivery,
        "recipient": outcome.recipient,
        "attempt": outcome.attempt,
        "class": outcome.bounce_class,
        "retry_at": _time(outcome.retry_at) if outcome.retry_at else "",
    }
    data |= {name: getattr(outcome, name) for name in _TOLD}
    return {
        name: value
        for name, value in data.items()
        if value not in ("", None) and value is not False
    }


def lines_of(source: str, body: bytes) -> list[dict[str, Any]]:
    """Of an `events/` object. Raises `Malformed`."""
    try:
        return _LINES.decode_lines(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed(f"{source} cannot be read: {error}") from error


def batch_of(line: dict[str, Any]) -> str:
    """Which Batch an event is about; empty if it does not say."""
    place = parse_delivery(str(line.get("delivery", "")))
    return place[0] if place else str(line.get("batch", ""))


def of_events(
    webhook: Webhook,
    domain: str,
    source: str,
    lines: Sequence[dict[str, Any]],
    batches: frozenset[str] | None = None,
) -> list[Message]:
    """Whatever the lines say is passed on. With `batches`: only what is about those."""
    found = []
    for number, line in enumerate(lines):
        event = line.get("kind", "")
        if event in webhook.events and (batches is None or batch_of(line) in batches):
            data = {name: value for name, value in line.items() if name not in ("kind", "at")}
            name = _id(webhook, source, str(number))
            at = float(line.get("at", 0.0))
            found.append(_message(name, event, at, {"domain": domain, **data}))
    return found


def of_received(webhook: Webhook, domain: str, source: str, mail: Inbound) -> list[Message]:
    """Mail for an address of the Domain: what stands above it; the rest is in the bucket."""
    from email import message_from_bytes, policy

    if RECEIVED not in webhook.events:
        return []
    head = mail.message.partition(b"\r\n\r\n")[0][:MOST_BYTES] + b"\r\n\r\n"
    parsed = message_from_bytes(head, policy=policy.compat32)
    shown = {name: str(parsed.get(name, ""))[:2000] for name in ("From", "To", "Subject", "Date")}
    data = {
        "domain": domain,
        "key": source,
        "sender": mail.sender,
        "recipients": mail.recipients,
        "size_bytes": len(mail.message),
        "message_id": str(parsed.get("Message-ID", "")).strip()[:1000],
        **{name.lower(): text for name, text in shown.items()},
    }
    at = time_of(keys.parse_received(source))
    return [_message(_id(webhook, source), RECEIVED, at, data)]


def test(webhook: Webhook, domain: str, at: float) -> list[Message]:
    data = {"domain": domain, "webhook": webhook.id}
    return [_message(_id(webhook, "test", repr(at)), "test", at, data)]


def posts(messages: Sequence[Message], per_post: int) -> list[Post]:
    """One message is one POST; or, with `per_post` above 1, up to so many as an array."""
    if per_post == 1:
        return [Post(each.id, each.body, (each,)) for each in messages]
    grouped: list[list[Message]] = []
    size_bytes = 0
    for each in messages:
        if not grouped or len(grouped[-1]) == per_post or size_bytes + len(each.body) > MOST_BYTES:
            grouped.append([])
            size_bytes = 0
        grouped[-1].append(each)
        size_bytes += len(each.body) + 1
    return [_array(group) for group in grouped]


def _array(group: list[Message]) -> Post:
    body = b"[" + b",".join(each.body for each in group) + b"]"
    return Post(_named("several", *(each.id for each in group)), body, tuple(group))


def _message(name: str, event: str, at: float, data: dict[str, Any]) -> Message:
    told = {"type": _type(event), "timestamp": _time(at), "data": data}
    return Message(name, str(event), msgspec.json.encode(told), str(data.get("delivery", "")))


def _type(event: str) -> str:
    kinds = {RECEIVED: "mail.received", "test": "webhook.test"}
    return kinds.get(event, f"delivery.{event}")


def _time(at: float) -> str:
    """RFC 3339, to the millisecond."""
    moment = datetime.fromtimestamp(at, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _id(webhook: Webhook, *what: str) -> str:
    return _named(webhook.id, *what)


def _named(*parts: str) -> str:
    return "msg_" + b32encode(digest("webhook", *parts)[:20]).decode().lower()
