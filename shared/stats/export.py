"""Raw Outcomes and events of a day → files that DuckDB, Spark or Trino read as one table each.

    outcomes/domain=<domain>/day=<day>/part.jsonl.gz
    events/domain=<domain>/day=<day>/part.jsonl.gz

Events lie by day in the bucket; Outcomes lie by Batch, and a Batch may be sent for days. Which
Batches had Outcomes on a day is known from the counts, so the day has to be counted first.
"""

import gzip
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from shared import keys
from shared.errors import Malformed, NotFound
from shared.stats.batches import heading, log
from shared.stats.counts import LAST_TIME, day_of_hour, hour_of
from shared.stats.listing import Listed, Pages, batches, id_at
from shared.stats.publish import COUNTS, decode
from shared.stats.window import span_of
from shared.store.base import Store, list_all
from shared.together import together

_AT_ONCE = 12
MOST_OPEN = 100
"""Files: a process may have some hundred, and there may be more Domains."""
_UNFINISHED = ".unfinished"
"""No query's pattern fits a file that is still written, or was when the process died."""


class _At(msgspec.Struct):
    at: Annotated[float, msgspec.Meta(ge=0, lt=LAST_TIME)]


_LINE = msgspec.json.Decoder(_At)


@dataclass
class Exported:
    """Lines that were written."""

    outcomes: int = 0
    events: int = 0


class Export:
    """Writes below a folder; what is there of the same day and Domain is replaced."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        domain: str = "",
        told: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`domain`: only its own; empty: all. `told` hears how many objects were read."""
        self._store = store
        self._folder = folder
        self._domain = domain
        self._told = told
        self._open: dict[Path, gzip.GzipFile] = {}
        self._written: set[Path] = set()
        self.done = Exported()

    async def day(self, day: str) -> Exported:
        """Whole or not at all. Raises `Malformed` if nothing is counted of that day, or if what
        was is not to be read, `Temporary`, `OSError` if there is no room."""
        try:
            for source in await self._sources(day):
                if source.startswith("events."):
                    await self._events(source.removeprefix("events."), day)
                else:
                    await self._window(source, day)
            self._close_all()
            for file in self._written:
                file.replace(file.with_name(file.name.removesuffix(_UNFINISHED)))
        finally:
            while self._open:
                with suppress(OSError):  # it fails for want of room already
                    self._close_all()
            for file in self._written:
                file.unlink(missing_ok=True)
            self._written.clear()
        return self.done

    def _close_all(self) -> None:
        while self._open:
            self._open.popitem()[1].close()

    async def _sources(self, day: str) -> list[str]:
        """Windows of Batches, and Domains with events."""
        try:
            body = (await self._store.get(keys.stats_of_day(keys.ALL_DOMAINS, day, COUNTS))).body
        except NotFound:
            raise Malformed(f"{day}: nothing was counted on that day") from None
        return sorted(decode(body).sources)

    async def _window(self, window: str, day: str) -> None:
        start, end = (keys.before_batch(id_at(at)) for at in span_of(window))
        listed = Pages(self._store, keys.BATCHES).between(start, end)
        async for batch, found in batches(listed):
            await self._batch(batch, found, day)

    async def _batch(self, batch: str, found: Listed, day: str) -> None:
        try:
            domain = (await heading(self._store, batch)).domain
        except NotFound:
            return
        if self._domain in ("", domain):
            parts = [each for bag in sorted(found.parts) for each in found.all_of(batch, bag)]
            self.done.outcomes += await self._copy(parts, "outcomes", domain, day)

    async def _events(self, domain: str, day: str) -> None:
        if self._domain in ("", domain):
            prefix = keys.events_of_day(domain, day)
            names = [entry.key async for entry in list_all(self._store, prefix)]
            self.done.events += await self._copy(names, "events", domain, day)

    async def _copy(self, names: list[str], table: str, domain: str, day: str) -> int:
        """The lines of this day, from these objects; how many they were."""
        written = 0
        for start in range(0, len(names), _AT_ONCE):
            group = names[start : start + _AT_ONCE]
            for name, body in zip(group, await together(map(self._read, group)), strict=True):
                lines = _of_day(name, body, day)
                if lines:
                    self._file(table, domain, day).write(b"\n".join(lines) + b"\n")
                written += len(lines)
            self._told(len(group))
        return written

    async def _read(self, key: str) -> bytes:
        try:
            return (await self._store.get(key)).body
        except NotFound:  # deleted since it was listed
            return b""

    def _file(self, table: str, domain: str, day: str) -> gzip.GzipFile:
        place = self._folder / table / f"domain={domain}" / f"day={day}"
        file = place / f"part.jsonl.gz{_UNFINISHED}"
        if file not in self._open:
            if len(self._open) >= MOST_OPEN:
                self._close_all()
            place.mkdir(parents=True, exist_ok=True)
            # A second member of the same file (RFC 1952 §2.2) where it was closed meanwhile.
            self._open[file] = gzip.GzipFile(file, "ab" if file in self._written else "wb")
            self._written.add(file)
        return self._open[file]


def _of_day(name: str, body: bytes, day: str) -> list[bytes]:
    """The lines of this day. What cannot be read is not counted either: nothing of it is here."""
    lines = body.splitlines()
    try:
        times = [_LINE.decode(line).at if line else 0.0 for line in lines]
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        log.error("%s cannot be read, and is left out: %s", name, error)
        return []
    return [
        line
        for line, at in zip(lines, times, strict=True)
        if line and day_of_hour(hour_of(at)) == day
    ]
