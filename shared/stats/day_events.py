"""What is counted of a Domain's events of one day: one record, which has both the numbers and what
they were counted from. Pure.

An opened mail is shown again and again; how often is `opened`. `opened_first` counts readers: in
the hour in which they opened it first on that day. A report, a complaint or an unsubscribing that
comes twice counts once a day. So the numbers do not depend on the order in which events are read.
"""

from collections.abc import Sequence

import msgspec

from shared import feedback
from shared.feedback import Event
from shared.stats.counts import Table, bump, hour_of, rows_of

_FIRST = {
    feedback.OPENED: ("opened_first",),
    feedback.CLICKED: ("clicked_first",),
    feedback.BOUNCED: ("bounced", "bounced_late"),
    feedback.COMPLAINED: ("complained",),
    feedback.UNSUBSCRIBED: ("unsubscribed",),
}
"""Event → what is counted once for each reader and day."""
_EVERY = {
    feedback.OPENED: {feedback.PERSON: "opened", feedback.PROXY: "opened_proxy"},
    feedback.CLICKED: {feedback.PERSON: "clicked", feedback.PROXY: "clicked_proxy"},
}
_BY_BOTS = {feedback.OPENED: "opened_bot", feedback.CLICKED: "clicked_bot"}


class DayEvents(msgspec.Struct, omit_defaults=True):
    """`control/stats/events/<domain>/<day>.json`."""

    version: int = 0
    """Goes up with every change."""
    published: int = 0
    """The version that `stats/` has."""
    seen: list[str] = []
    """The names of the events objects that are counted."""
    counts: Table = {}
    first: dict[str, dict[str, tuple[float, bool]]] = {}
    """Event → reader → when it happened first on this day, and whether a bounce was hard."""


def reader(event: Event) -> str:
    """Who caused it, as far as the tracking level tells: a Delivery, or a pseudonym within a
    Batch. Empty: nobody knows."""
    if event.delivery:
        return event.delivery
    name, _, host = event.recipient.partition("@")
    if not host.startswith("track.") or name == "anonymous":
        return ""
    return f"{event.batch}/{name}"


def batch_of(event: Event) -> str:
    return event.batch or event.delivery.partition(".")[0]


def count(record: DayEvents, event: Event, tags: Sequence[str]) -> None:
    """Add one event to the numbers."""
    tracked = event.kind in _EVERY
    rows = rows_of(tags, "" if tracked else event.recipient)
    if tracked:
        kind = _EVERY[event.kind].get(event.by, _BY_BOTS[event.kind])
        bump(record.counts, hour_of(event.at), rows, kind)
        if event.by != feedback.PERSON:
            return
    if event.kind in _FIRST:
        _count_first(record, event, rows)


def _count_first(record: DayEvents, event: Event, rows: Sequence[str]) -> None:
    who = reader(event)
    tracked = event.kind in _EVERY
    if not who:
        if not tracked:
            _add(record, event.kind, event.at, rows, hard=event.hard)
        return
    readers = record.first.setdefault(event.kind, {})
    before = readers.get(who)
    if before is not None and (before[0], not before[1]) <= (event.at, not event.hard):
        return
    if before is not None:
        _add(record, event.kind, before[0], rows, hard=before[1], by=-1)
    _add(record, event.kind, event.at, rows, hard=event.hard)
    readers[who] = (event.at, event.hard)


def _add(
    record: DayEvents, kind: str, at: float, rows: Sequence[str], *, hard: bool, by: int = 1
) -> None:
    for name in _FIRST[kind]:
        bump(record.counts, hour_of(at), rows, name, by)
    if hard and kind == feedback.BOUNCED:
        bump(record.counts, hour_of(at), rows, "bounced_hard", by)
