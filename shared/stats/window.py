"""What is counted of the Batches of a quarter of an hour: one record, which has both the numbers
and what they were counted from. It is replaced as a whole, so that nothing is counted twice. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

import msgspec

from shared.ids import time_of
from shared.outcome import MOVES, OPEN, State
from shared.stats.counts import LAST_TIME, Table, bump, day_of_hour, hour_of, rows_of
from shared.stats.schedule import HELD_S, look_time, looks_until

QUARTER_S = 900
_NAME = "%Y%m%dT%H%MZ"
_FAR = 1e12


class BagState(msgspec.Struct, omit_defaults=True):
    """An open Bag, as far as it was read."""

    upto: str = ""
    """`<attempt>.<part>` of the last Outcomes object that is counted."""
    settled: str = "0"
    """Hexadecimal: bit n is set when Delivery n has a final Outcome."""
    waits: dict[int, int] = {}
    """Deferred Delivery → when it is tried again, seconds since 1970."""
    states: dict[State, int] = {}
    """Where its Deliveries are; those that nobody has tried are left out."""


class OpenBatch(msgspec.Struct, omit_defaults=True):
    """A Batch that has Deliveries without a final Outcome."""

    domain: str
    accepted: int
    bag_size: int
    due_at: float
    tags: list[str] = []
    bags: dict[int, BagState] = {}
    changed: float = 0.0
    """When something new was found, seconds since 1970."""

    @property
    def is_large(self) -> bool:
        """It has several Bags."""
        return self.accepted > self.bag_size

    @property
    def settled(self) -> int:
        """Deliveries with a final Outcome."""
        return sum(int(bag.settled, 16).bit_count() for bag in self.bags.values())

    @property
    def due(self) -> float:
        """When the next Outcome may be there."""
        waits = [at for bag in self.bags.values() for at in bag.waits.values()]
        everyone_waits = len(waits) + self.settled >= self.accepted
        return float(min(waits)) if waits and everyone_waits else self.due_at

    def expected(self, interval_s: float) -> float:
        """When it is to be looked at first, now that something has changed."""
        return self.due if self.due > self.changed else self.changed + interval_s


class Window(msgspec.Struct, omit_defaults=True):
    """`control/stats/batches/<quarter>.json`."""

    version: int = 0
    """Goes up with every change."""
    counts: dict[str, Table] = {}
    """Domain → what was counted, in all its hours."""
    open: dict[str, OpenBatch] = {}
    closed: dict[str, list[str]] = {}
    """Batch → of each Bag the `<attempt>.<part>` that was counted last."""
    unpublished: list[tuple[str, str]] = []
    """(Domain, day) whose counts `stats/` does not have yet."""


def window_of(batch: str) -> str:
    """The window that a Batch is counted in."""
    at = time_of(batch) // QUARTER_S * QUARTER_S
    return datetime.fromtimestamp(at, UTC).strftime(_NAME)


def span_of(window: str) -> tuple[float, float]:
    """From when to before when its Batches were accepted, seconds since 1970."""
    start = datetime.strptime(window, _NAME).replace(tzinfo=UTC).timestamp()
    return start, start + QUARTER_S


class Line(msgspec.Struct, omit_defaults=True):
    """An Outcome, as far as it is counted: reading the rest takes longer than counting."""

    delivery: str
    recipient: str
    outcome: State
    at: Annotated[float, msgspec.Meta(ge=0, lt=LAST_TIME)]
    retry_at: float = 0
    hard: bool = False


class Move(NamedTuple):
    """An Outcome that changed where its Delivery is."""

    line: Line
    was: State


class Unclear(Exception):
    """A Delivery that is settled has another Outcome: what was before has to be read again."""


def not_ahead(window: Window, now: float) -> Window:
    """The same; what a clock that ran ahead has noted in it counts as noted now."""
    for batch in window.open.values():
        batch.changed = min(batch.changed, now)
    return window


def fold(bag: BagState, lines: Iterable[Line]) -> tuple[BagState, list[Move]]:
    """The Bag behind these further lines, and what they changed. Raises `Unclear`."""
    settled, waits, states = int(bag.settled, 16), dict(bag.waits), dict(bag.states)
    moves = []
    for line in lines:
        n = _place(line)
        if settled >> n & 1:
            if line.outcome is State.BOUNCED:
                raise Unclear(line.delivery)
            continue
        if line.outcome is State.QUEUED:
            continue
        was = State.DEFERRED if n in waits else State.QUEUED
        moves.append(Move(line, was))
        if waits.pop(n, None) is not None:
            states[was] -= 1
        states[line.outcome] = states.get(line.outcome, 0) + 1
        if line.outcome in OPEN:
            waits[n] = int(line.retry_at)
        else:
            settled |= 1 << n
    return BagState(bag.upto, f"{settled:x}", waits, {k: v for k, v in states.items() if v}), moves


def fold_again(parts: Sequence[list[Line]], counted: int) -> tuple[BagState, list[Move]]:
    """The same from all parts of a Bag, of which the first `counted` were counted before."""
    now: dict[int, Line] = {}
    moves = []
    for number, lines in enumerate(parts):
        for line in lines:
            n = _place(line)
            was = now[n].outcome if n in now else State.QUEUED
            if line.outcome in MOVES[was]:
                now[n] = line
                if number >= counted:
                    moves.append(Move(line, was))
    settled = sum(1 << n for n, line in now.items() if line.outcome not in OPEN)
    waits = {n: int(line.retry_at) for n, line in now.items() if line.outcome in OPEN}
    states: dict[State, int] = {}
    for line in now.values():
        states[line.outcome] = states.get(line.outcome, 0) + 1
    return BagState("", f"{settled:x}", waits, states), moves


def _place(line: Line) -> int:
    """The place of a Delivery in its Bag: the end of its id."""
    try:
        return int(line.delivery[-4:])
    except ValueError:
        return 0  # nobody writes such a line; it must not stop the counting


def count(window: Window, domain: str, tags: Sequence[str], moves: Iterable[Move]) -> None:
    """Add these moves to the numbers."""
    alike = Counter(
        (line.at // 3600, line.outcome, line.recipient.rpartition("@")[2], line.hard, was)
        for line, was in moves
    )
    table = window.counts.setdefault(domain, {})
    days = set()
    for (hours, outcome, recipient, hard, was), number in alike.items():
        hour = hour_of(hours * 3600)
        rows = rows_of(tags, recipient)
        bump(table, hour, rows, outcome, number)
        if outcome is State.BOUNCED and hard:
            bump(table, hour, rows, "bounced_hard", number)
        if outcome is State.BOUNCED and was is State.DELIVERED:
            bump(table, hour, rows, "bounced_late", number)
        days.add(day_of_hour(hour))
    mark(window, domain, days)


def count_accepted(window: Window, batch: OpenBatch, at: float, refused: int) -> None:
    """Add what a submit call brought."""
    table, hour, rows = window.counts.setdefault(batch.domain, {}), hour_of(at), rows_of(batch.tags)
    bump(table, hour, rows, "accepted", batch.accepted)
    bump(table, hour, rows, "refused", refused)
    mark(window, batch.domain, [day_of_hour(hour)])


def mark(window: Window, domain: str, days: Iterable[str]) -> None:
    """These have to be published."""
    news = {(domain, day) for day in days}
    window.unpublished = sorted({*window.unpublished, *news})


def close_settled(window: Window) -> None:
    """Keep of what is finished only how far it was read."""
    for name, batch in list(window.open.items()):
        if batch.settled >= batch.accepted:
            bags = range(max(batch.bags, default=-1) + 1)
            window.closed[name] = [batch.bags.get(bag, BagState()).upto for bag in bags]
            del window.open[name]


def is_due(batch: OpenBatch, looked: float, now: float, interval_s: float) -> bool:
    """Whether a look is due that was not when the window was looked at last."""
    first = batch.expected(interval_s)
    return looks_until(first, now, interval_s) > looks_until(first, looked, interval_s)


def next_look(window: Window, looked: float, interval_s: float) -> float:
    """When one of its open Batches has to be looked at again."""
    times = []
    for each in window.open.values():
        first = each.expected(interval_s)
        number = looks_until(first, looked, interval_s)
        times.append(look_time(first, number + 1, interval_s))
    return min(times)


def complete_until(window: Window, now: float, interval_s: float) -> float:
    """Until when all its Outcomes are counted, if all looks that were due have been made."""
    known = [_FAR]
    for each in window.open.values():
        first = each.expected(interval_s)
        number = looks_until(first, now, interval_s)
        if each.due > now:
            known.append(each.due)
        elif now - first < HELD_S:
            known.append(look_time(first, number, interval_s) if number else each.changed)
    return min(known)
