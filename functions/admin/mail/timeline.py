"""One Delivery from its submit to its last sign of life: Outcomes, and events of its Domain.

Events of all Deliveries of a day lie together, so those of one are looked for among them, within
bounds: what was not looked at yet is named, and the next call goes on there.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import msgspec

from functions.admin.mail import words
from shared import feedback, keys
from shared.feedback import Event
from shared.model import Content
from shared.outcome import Outcome, State
from shared.readback import ReadBack
from shared.store.base import Store

MOST_OBJECTS = 200
"""Of events, for one call."""
MOST_DAYS = 30
"""Later than so long after a mail, little is heard of it. One listing each."""
_AT_ONCE = 50
DAY_S = 86_400.0


class Moment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that happened to a Delivery."""

    at: float
    """Seconds since 1970."""
    what: str
    """`accepted`, an Outcome, or the kind of an event."""
    said: str
    """In plain words."""
    reply: str = ""
    """What the server said, word for word."""
    notes: list[str] = []
    outcome: Outcome | None = None
    event: Event | None = None


class DeliveryTimeline(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one Delivery, in order."""

    delivery: str
    batch: str
    domain: str
    recipient: str
    state: State
    message_id: str
    subject: str
    timeline: list[Moment]
    next: str = ""
    """Events from here on were not looked at: give it as `events_after`. Empty: all were."""


@dataclass(frozen=True, slots=True)
class _Events:
    found: list[Event]
    next: str


class Timelines:
    def __init__(self, store: Store, read: ReadBack) -> None:
        self._store = store
        self._read = read

    async def of(
        self, domain: str, delivery: str, now: float, events_after: str = ""
    ) -> DeliveryTimeline:
        """Raises `Problem` 404, 422."""
        history = await self._read.delivery(domain, delivery)
        content = await self._read.content(domain, delivery.partition(".")[0])
        events = await self._events(content, delivery, now, events_after)
        moments = [_accepted(content)] if not events_after else []
        moments += [_of_outcome(each) for each in history.outcomes]
        moments += [_of_event(each) for each in events.found]
        return DeliveryTimeline(
            delivery=delivery,
            batch=content.batch,
            domain=domain,
            recipient=history.recipient,
            state=history.state,
            message_id=history.message_id,
            subject=content.subject,
            timeline=sorted(moments, key=lambda each: each.at),
            next=events.next,
        )

    async def _events(self, content: Content, delivery: str, now: float, after: str) -> _Events:
        """`after`: the key of the last object that was looked at."""
        found: list[Event] = []
        left = MOST_OBJECTS
        for day in _days(content.accepted_at, now):
            prefix = keys.events_of_day(content.domain, day)
            if after and after >= prefix + "~":
                continue
            page = await self._store.list_page(prefix, max(after, prefix), left)
            read = [entry.key for entry in page]
            for start in range(0, len(read), _AT_ONCE):
                found += await self._of_delivery(read[start : start + _AT_ONCE], delivery)
            left -= len(read)
            if left <= 0:
                return _Events(found, read[-1])
        return _Events(found, "")

    async def _of_delivery(self, objects: list[str], delivery: str) -> list[Event]:
        mark = delivery.encode()
        bodies = [each.body for each in await asyncio.gather(*map(self._store.get, objects))]
        lines = [event for body in bodies if mark in body for event in feedback.decode_lines(body)]
        return [event for event in lines if event.delivery == delivery]


def _days(since: float, now: float) -> list[str]:
    """The days, UTC, on which something may have been heard of it."""
    first = datetime.fromtimestamp(since, UTC).date()
    last = min(datetime.fromtimestamp(now, UTC).date(), first + timedelta(days=MOST_DAYS))
    days: list[date] = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [day.isoformat() for day in days]


def _accepted(content: Content) -> Moment:
    said = "Accepted from the app"
    if content.due_at > content.accepted_at:
        said = "Accepted from the app, to be sent at a later time"
    return Moment(at=content.accepted_at, what="accepted", said=said)


def _of_outcome(outcome: Outcome) -> Moment:
    return Moment(
        at=outcome.at,
        what=outcome.outcome,
        said=words.of_outcome(outcome),
        reply=words.verbatim(outcome),
        notes=words.notes_of(outcome),
        outcome=outcome,
    )


def _of_event(event: Event) -> Moment:
    return Moment(at=event.at, what=event.kind, said=words.of_event(event), event=event)
