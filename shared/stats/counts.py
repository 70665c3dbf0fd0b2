"""The numbers that are kept for each hour, and tables of them. Pure.

A table is hour → row → Counts. A row is all that a Domain sent (""), what carried one tag, what
went to one recipient domain, or, over all Domains, what one of them sent.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

LAST_TIME = 253_402_300_800.0
"""The year 10000: what claims to be later was never written by a stage, and has no hour."""


class Counts(msgspec.Struct, omit_defaults=True):
    """What happened in one hour. docs/statistics.md explains each number."""

    accepted: int = 0
    refused: int = 0
    delivered: int = 0
    deferred: int = 0
    bounced: int = 0
    bounced_hard: int = 0
    bounced_late: int = 0
    failed: int = 0
    rejected: int = 0
    cancelled: int = 0
    complained: int = 0
    unsubscribed: int = 0
    opened: int = 0
    opened_first: int = 0
    opened_proxy: int = 0
    opened_bot: int = 0
    clicked: int = 0
    clicked_first: int = 0
    clicked_proxy: int = 0
    clicked_bot: int = 0

    def add(self, other: "Counts") -> None:
        for name, number in zip(KINDS, msgspec.structs.astuple(other), strict=True):
            if number:
                setattr(self, name, getattr(self, name) + number)


KINDS = Counts.__struct_fields__

Table = dict[str, dict[str, Counts]]
"""Hour → row → numbers; an hour is written 2026-11-21T13, in UTC."""

ALL = ""
TAG = "tag:"
TO = "to:"
OF = "of:"
"""A Domain, in the table of all Domains."""


def bump(table: Table, hour: str, rows: Iterable[str], kind: str, by: int = 1) -> None:
    """Count `by` more of this kind, in each of these rows."""
    of_hour = table.setdefault(hour, {})
    for row in rows:
        counts = of_hour.get(row)
        if counts is None:
            counts = of_hour[row] = Counts()
        setattr(counts, kind, getattr(counts, kind) + by)


def rows_of(tags: Iterable[str], recipient: str = "") -> list[str]:
    """The rows that a Delivery counts in. `recipient`: an address, or its domain; without one it
    does not count by recipient domain."""
    rows = [ALL, *(TAG + tag for tag in dict.fromkeys(tags))]
    domain = recipient.rpartition("@")[2].lower()
    return [*rows, TO + domain] if domain else rows


def hour_of(at: float) -> str:
    """The UTC hour of a time in seconds since 1970."""
    return _hour(int(at // 3600))


@lru_cache(maxsize=1024)
def _hour(number: int) -> str:
    return datetime.fromtimestamp(number * 3600, UTC).strftime("%Y-%m-%dT%H")


def day_of_hour(hour: str) -> str:
    return hour[:10]


def of_day(table: Table, day: str) -> Table:
    """The hours of one day."""
    return {hour: rows for hour, rows in table.items() if day_of_hour(hour) == day}


def summed(tables: Iterable[Table]) -> Table:
    """A table of their sums; none of them is changed."""
    total: Table = {}
    for table in tables:
        for hour, rows in table.items():
            of_hour = total.setdefault(hour, {})
            for row, counts in rows.items():
                of_hour.setdefault(row, Counts()).add(counts)
    return total
