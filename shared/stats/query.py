"""Hourly counts → what was asked for: by hour, day or month; as a whole, or cut up by tag, by
recipient domain, or by Domain."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import msgspec

from shared import keys
from shared.errors import Malformed, NotFound
from shared.stats.batches import UNREADABLE
from shared.stats.compact import load_index
from shared.stats.counts import ALL, KINDS, OF, TAG, TO, Counts
from shared.stats.publish import COUNTS, RECIPIENTS, Plain, plain_tables
from shared.stats.ranges import Range, largest_first, rfc3339
from shared.store.base import Store, list_all
from shared.together import together

NONE, BY_TAG, BY_RECIPIENT, BY_DOMAIN = "none", "tag", "recipient_domain", "domain"
OF_ONE, OF_ALL = (NONE, BY_TAG, BY_RECIPIENT), (NONE, BY_DOMAIN, BY_RECIPIENT)
"""How the numbers of a Domain, and those of all, are cut up."""
MOST_NUMBERS = 20_000
"""Points of all lines together: what is more is no answer, but an export."""
_ROWS = {BY_TAG: TAG, BY_RECIPIENT: TO, BY_DOMAIN: OF}
_AT_ONCE = 16
_KINDS = frozenset(KINDS)

Found = dict[str, dict[str, dict[str, int]]]
"""Line → point → number → how many."""


class Numbers(Counts, omit_defaults=False):
    """What happened; docs/statistics.md explains each number."""


class Point(msgspec.Struct, frozen=True):
    """One hour, day or month."""

    at: str
    """When it begins."""
    counts: Numbers


class Line(msgspec.Struct, frozen=True):
    """What happened over the time, as a whole or of one tag or domain."""

    name: str
    """The tag or domain; empty: all."""
    total: Numbers
    points: list[Point]
    """One for each hour, day or month, also where nothing happened."""


class Statistics(msgspec.Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """Counts over a span of time."""

    start: str
    end: str
    grain: str
    by: str
    complete_until: str
    """What has happened since then may be missing. Empty: nothing was counted yet."""
    lines: list[Line]
    """The largest first."""
    others: int = 0
    """Lines that were left out: they are smaller than all of these."""


class Question(msgspec.Struct, frozen=True):
    """What somebody wants to know."""

    span: Range
    by: str = NONE
    tag: str = ""
    """Only what carries this tag."""
    limit: int = 20
    """Lines, at most."""

    def check(self, ways: Sequence[str]) -> "Question":
        """Raises `Malformed`."""
        if self.by not in ways:
            raise Malformed(f"by: {self.by[:50]!r} is none of {', '.join(ways)}")
        if self.tag and BY_TAG not in ways:
            raise Malformed("tag: a tag means something within one Domain alone")
        if self.tag and self.by not in (NONE, BY_TAG):
            raise Malformed(f"tag: by {self.by} is not counted for each tag")
        lines = 1 if self.by == NONE else self.limit
        if lines * len(self.span.points) > MOST_NUMBERS:
            detail = f"limit: {lines} lines of {len(self.span.points)} points are too many"
            raise Malformed(f"{detail}; together they may have {MOST_NUMBERS}")
        return self


async def answer(store: Store, domain: str, question: Question) -> Statistics:
    """Of one Domain, or of `keys.ALL_DOMAINS`. Raises `Malformed`, `Temporary`."""
    question.check(OF_ALL if domain == keys.ALL_DOMAINS else OF_ONE)
    span = question.span
    index, _ = await load_index(store)
    part = RECIPIENTS if question.by == BY_RECIPIENT else COUNTS
    found: Found = {}
    days = await _days(store, domain, span, part)
    for start in range(0, len(days), _AT_ONCE):
        for tables in await together(_read(store, key) for key in days[start : start + _AT_ONCE]):
            _collect(found, tables, question)
    lines, others = _lines(found, question)
    until = index.complete_for("" if domain == keys.ALL_DOMAINS else domain)
    return Statistics(
        start=rfc3339(span.start),
        end=rfc3339(span.end),
        grain=span.grain,
        by=question.by,
        complete_until=rfc3339(datetime.fromtimestamp(until, UTC)) if until > 0 else "",
        lines=lines,
        others=others,
    )


async def _days(store: Store, domain: str, span: Range, part: str) -> list[str]:
    """The keys of those days where something happened."""
    first, last = span.days
    found = []
    async for entry in list_all(store, keys.stats_of(domain), keys.before_stats(domain, first)):
        with suppress(ValueError):  # no counting has written it
            day, name = keys.parse_stats(entry.key)
            if day > last:
                break
            if name == part:
                found.append(entry.key)
    return found


async def _read(store: Store, key: str) -> list[Plain]:
    """Raises `Malformed`, `Temporary`."""
    try:
        return plain_tables((await store.get(key)).body)
    except NotFound:  # deleted since it was listed
        return []
    except UNREADABLE as error:
        raise Malformed(f"{key} cannot be read: {error}") from error


def _collect(found: Found, tables: Iterable[Plain], question: Question) -> None:
    """Add these tables to what was found."""
    prefix = _ROWS.get(question.by, ALL)
    wanted = TAG + question.tag if question.tag else ALL
    is_one_line = question.by == NONE or bool(question.tag)
    for table in tables:
        for hour, rows in table.items():
            if not question.span.holds(hour):
                continue
            point = question.span.point_of(hour)
            if not is_one_line:
                for row, numbers in rows.items():
                    if row.startswith(prefix):
                        _add(found, row[len(prefix) :], point, numbers)
            elif wanted in rows:
                name = question.tag if question.by == BY_TAG else ""
                _add(found, name, point, rows[wanted])


def _add(found: Found, name: str, point: str, numbers: Mapping[str, int]) -> None:
    line = found.setdefault(name, {})
    there = line.get(point)
    if there is None:
        line[point] = dict(numbers)
        return
    for kind, number in numbers.items():
        there[kind] = there.get(kind, 0) + number


def _lines(found: Found, question: Question) -> tuple[list[Line], int]:
    if question.by == NONE:
        found.setdefault("", {})
    totals = {name: _sum(points.values()) for name, points in found.items()}
    names = largest_first(totals)
    points = [rfc3339(at) for at in question.span.points]
    shown = [
        Line(
            name,
            _numbers(totals[name]),
            [Point(at, _numbers(found[name].get(at, {}))) for at in points],
        )
        for name in names[: question.limit]
    ]
    return shown, max(0, len(names) - question.limit)


def _sum(points: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for numbers in points:
        for kind, number in numbers.items():
            total[kind] = total.get(kind, 0) + number
    return total


def _numbers(numbers: Mapping[str, int]) -> Numbers:
    """Kinds that this version does not know are left out."""
    return Numbers(**{kind: number for kind, number in numbers.items() if kind in _KINDS})
