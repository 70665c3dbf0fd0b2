"""Events → day records.

    read      the events objects that the record of their day has not seen
    record    control/stats/events/<domain>/<day>.json, by compare-and-swap   → now they are counted
    publish   stats/<domain>/<day>/…
    record    it is published

Died before the first `record`: nothing was counted. Died behind it: who comes next publishes.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress

import msgspec

from shared import feedback, keys
from shared.codec import pack, unpack
from shared.errors import Malformed, NotFound
from shared.feedback import Event
from shared.stats.batches import UNREADABLE, heading, log
from shared.stats.counts import LAST_TIME
from shared.stats.day_events import DayEvents, batch_of, count
from shared.stats.listing import Pages, id_at
from shared.stats.publish import publish
from shared.stats.schedule import due_spans
from shared.store.base import Store
from shared.together import together

MOST_READS = 2000
_AT_ONCE = 12
_MOST_REMEMBERED = 20_000
_BYTES_A_ROUND = 1024 * 1024
"""A record that is larger than this is written less often."""
_DECODER = msgspec.json.Decoder(DayEvents)


class Tags:
    """Batch → its tags, as they are asked for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, list[str]] = {}

    async def of(self, batch: str) -> list[str]:
        """Nothing for a Batch that is gone."""
        if batch not in self._known:
            try:
                tags = (await heading(self._store, batch)).tags
            except NotFound:
                tags = []
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[batch] = tags
        return self._known[batch]


def source_of(domain: str) -> str:
    return f"events.{domain}"


class EventsCounter:
    """Counts one Domain's events."""

    def __init__(self, store: Store, domain: str, tags: Tags) -> None:
        self._store = store
        self._domain = domain
        self._tags = tags
        self.objects = 0
        """That were new."""
        self.size_bytes = 0
        """Of the largest record that was written."""

    async def pass_over(self, positions: list[float], now: float, interval_s: float) -> None:
        """Count what is new in the spans that are due, and move their positions on. Raises
        `Temporary`; `LostRace` when somebody else counts."""
        pages = Pages(self._store, keys.events(self._domain))
        spans = due_spans(positions, now, interval_s)
        by_day: dict[str, list[str]] = {}
        for span in spans:
            start, end = self._place(span.start), self._place(span.end)
            async for key in pages.between(start, end):
                with suppress(ValueError):  # no stage has written it
                    day, name = keys.parse_event(key)
                    by_day.setdefault(day, []).append(name)
        for day, names in sorted(by_day.items()):
            try:
                await self._day(day, names)
            except Malformed as error:  # the other days are counted
                log.error("events of %s on %s are not counted: %s", self._domain, day, error)
        for span in spans:
            positions[span.number] = span.end

    def _place(self, at: float) -> str:
        return keys.before_event(self._domain, keys.day(at), id_at(at))

    async def _day(self, day: str, names: Iterable[str]) -> None:
        key = keys.stats_events(self._domain, day)
        record, etag = await self._load(key)
        seen = set(record.seen)
        for group in _groups(sorted(set(names) - seen)):
            for events in await self._read(day, group):
                for event, tags in events:
                    count(record, event, tags)
            record.seen = sorted({*record.seen, *group})
            self.objects += len(group)
            etag = await self._save(key, record, etag)
        if record.published < record.version:
            counts, news = {self._domain: record.counts}, [(self._domain, day)]
            await publish(self._store, source_of(self._domain), record.version, counts, news)
            record.published = record.version + 1
            await self._save(key, record, etag)

    async def _load(self, key: str) -> tuple[DayEvents, str]:
        try:
            found = await self._store.get(key)
        except NotFound:
            return DayEvents(), ""
        try:
            return _DECODER.decode(unpack(found.body)), found.etag
        except UNREADABLE as error:
            raise Malformed(f"{key} cannot be read: {error}") from error

    async def _save(self, key: str, record: DayEvents, etag: str) -> str:
        record.version += 1
        body = pack([msgspec.json.encode(record)])
        self.size_bytes = max(self.size_bytes, len(body))
        if etag:
            return await self._store.replace(key, body, etag)
        return await self._store.create(key, body)

    async def _read(self, day: str, names: list[str]) -> list[list[tuple[Event, list[str]]]]:
        found = []
        for start in range(0, len(names), _AT_ONCE):
            group = names[start : start + _AT_ONCE]
            found += await together(self._object(day, name) for name in group)
        return found

    async def _object(self, day: str, name: str) -> list[tuple[Event, list[str]]]:
        key = keys.event_of_day(self._domain, day, name)
        try:
            events = feedback.decode_lines((await self._store.get(key)).body)
        except NotFound:  # deleted since it was listed
            return []
        except UNREADABLE as error:  # it must not stop the counting of all others
            log.error("%s cannot be read, and is not counted: %s", key, error)
            return []
        timely = [event for event in events if 0 <= event.at < LAST_TIME]
        return [(event, await self._tags.of(batch_of(event))) for event in timely]

    @property
    def weight(self) -> float:
        """How many rounds this one was worth: what is large is not written every time."""
        return max(1.0, self.size_bytes / _BYTES_A_ROUND)


def _groups(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), MOST_READS):
        yield names[start : start + MOST_READS]
