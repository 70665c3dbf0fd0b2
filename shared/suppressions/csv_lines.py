"""CSV (RFC 4180) in and out. Pure.

    email,reason,at,delivery,digest
    ann@example.net,unsubscribed,2026-11-21T15:00:00Z,,

Only `email` is needed; without a head the columns are email, reason, at. `at` is RFC 3339, or
seconds since 1970. A line without an address counts by its digest: the person's data was deleted.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared.address import is_printable, normal
from shared.suppressions.entry import MANUAL, REASONS, Suppression, is_digest

if TYPE_CHECKING:
    from _csv import Reader

COLUMNS = ("email", "reason", "at", "delivery", "digest")
_USUAL = COLUMNS[:3]
_BOM = "\ufeff"
MOST_CHARS = 10_000
"""Of a field. A longer one is no field, but a quotation mark that never ends."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line that was read: an entry, or what is wrong with it."""

    line: int
    """From 1; of an entry over several lines the last one."""
    entry: Suppression | None
    why: str = ""


def read(lines: Iterable[bytes], now: float) -> Iterator[Row]:
    """Every line that is not empty. `now` is for those that do not say when."""
    taken: list[str] = []

    def texts() -> Iterator[str]:
        for line in lines:
            taken.append(line.decode("utf-8", "surrogateescape"))
            yield taken[-1]

    reader = csv.reader(texts(), strict=False)
    table = _Table(now)
    while (found := table.next_row(reader, 0)) is not None:
        if found.entry is None and found.why and len(taken) > 1:
            # A quotation mark that did not end has taken these along: each is read by itself.
            start = reader.line_num - len(taken)
            for before, text in enumerate(taken, start):
                alone = table.next_row(csv.reader([text]), before)
                if alone and (alone.entry or alone.why):
                    yield alone
        elif found.entry or found.why:
            yield found
        taken.clear()


class _Table:
    """What was read so far tells how to read on."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._columns: dict[str, int] | None = None

    def next_row(self, reader: "Reader", before: int) -> Row | None:
        """None at the end. A row without an entry and a reason is empty, or the head. `before`:
        lines of the file before the reader's first one."""
        try:
            fields = next(reader)
        except StopIteration:
            return None
        except csv.Error as error:
            return Row(before + reader.line_num, None, str(error))
        line = before + reader.line_num
        fields = [field.strip().removeprefix(_BOM) for field in fields]
        if not any(fields):
            return Row(line, None)
        if self._columns is None:
            self._columns = _columns(fields)
            if fields[self._columns["email"]].lower() == "email":
                return Row(line, None)
        return _row(line, fields, self._columns, self._now)


def _columns(fields: list[str]) -> dict[str, int]:
    """Column → place, from the head; the usual ones if this is none."""
    named = [field.lower() for field in fields]
    if "email" not in named:
        return {name: place for place, name in enumerate(_USUAL)}
    return {name: named.index(name) for name in COLUMNS if name in named}


def _row(line: int, fields: list[str], columns: dict[str, int], now: float) -> Row:
    said = {name: fields[place] for name, place in columns.items() if place < len(fields)}
    if any(len(field) > MOST_CHARS for field in fields):
        return Row(line, None, "a field is too long: does a quotation mark end?")
    given, of_digest = said.get("email", ""), said.get("digest", "")
    email = normal(given) if given else ""
    if email is None or not _is_text(email) or (not email and not is_digest(of_digest)):
        return Row(line, None, f"{_shown(given)} is no mail address")
    reason = said.get("reason") or MANUAL
    if reason not in REASONS:
        return Row(line, None, f"{_shown(reason)}: a reason is {', '.join(REASONS)}")
    at = _time(said.get("at", ""), now)
    if at is None:
        return Row(line, None, f"{_shown(said['at'])} is no time (RFC 3339)")
    delivery = said.get("delivery", "")
    if not _is_text(delivery):
        return Row(line, None, "the Delivery is no UTF-8")
    if not is_printable(delivery):
        return Row(line, None, "the Delivery has a line end or a control character")
    entry = Suppression(
        email=email, reason=reason, at=at, delivery=delivery, digest="" if email else of_digest
    )
    return Row(line, entry)


def _is_text(field: str) -> bool:
    """Whether it was UTF-8."""
    return field.isascii() or not any("\ud800" <= each <= "\udfff" for each in field)


def _shown(field: str) -> str:
    return repr(field[:100].encode("utf-8", "replace").decode())


def _time(text: str, now: float) -> float | None:
    if not text:
        return now
    try:
        at = float(text)
    except ValueError:
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            return None
        at = when.replace(tzinfo=when.tzinfo or UTC).timestamp()
    return at if 0 <= at < _FAR_S else None


_FAR_S = 253_402_300_800.0
"""The year 10000, which RFC 3339 cannot write. Not a number is not below it."""


def head() -> bytes:
    return ",".join(COLUMNS).encode() + b"\r\n"


def line(entry: Suppression) -> bytes:
    """One line, with its end."""
    when = datetime.fromtimestamp(entry.at, UTC).isoformat().replace("+00:00", "Z")
    text = io.StringIO()
    csv.writer(text).writerow([entry.email, entry.reason, when, entry.delivery, entry.digest])
    return text.getvalue().encode()
