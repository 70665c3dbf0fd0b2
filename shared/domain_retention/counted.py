"""What the statistics have read: only that may go, so that hourly counts stay exact.

Each record of theirs says what it has counted. What none of them has, and what no pass will look
for again (`shared/stats/schedule.py`), is not counted any more, and keeps nothing.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from shared import feedback, keys
from shared.codec import unpack
from shared.domain_retention.listings import Budget
from shared.domain_retention.wanted import DAY_S
from shared.errors import Malformed, NotFound
from shared.ids import time_of
from shared.stats import batches as stats_batches
from shared.stats.compact import load_index
from shared.stats.day_events import DayEvents, batch_of
from shared.stats.listing import Listed, id_at
from shared.stats.schedule import AGES_S
from shared.stats.window import Window
from shared.store.base import Store, list_all
from shared.together import together

MOST_FRESH = 50_000
MOST_UNCOUNTED = 5000
"""Events objects of one Domain that are looked at, and read. When there are more, the statistics
are behind, and are waited for."""
_AT_ONCE = 12
_DAY_EVENTS = msgspec.json.Decoder(DayEvents)


def is_counted(window: Window, batch: str, listed: Listed, looked_until: float) -> bool:
    """Whether all that is there of a Batch is counted, or will never be. Pure.

    `looked_until`: the last pass has come so far, seconds since 1970.
    """
    if batch in window.open:
        bags = window.open[batch].bags
        return _is_read(listed, {bag: each.upto for bag, each in bags.items()})
    if time_of(batch) < looked_until:
        return True
    known = window.closed.get(batch)
    return known is not None and _is_read(listed, dict(enumerate(known)))


def _is_read(listed: Listed, upto: Mapping[int, str]) -> bool:
    """Whether nothing is younger than what was counted last of each Bag."""
    return all(not parts or parts[-1] <= upto.get(bag, "") for bag, parts in listed.parts.items())


class Counted:
    """Asks the records of the statistics. They are read in order, so the last one is kept."""

    def __init__(self, store: Store, now: float, budget: Budget) -> None:
        self._store = store
        self._budget = budget
        self._last = now - AGES_S[-1]
        """The last pass cannot have come further, unless a clock ran ahead."""
        self._window: tuple[str, Window] = ("", Window())
        self._seen: tuple[str, frozenset[str]] = ("", frozenset())
        self._passed: dict[str, list[float]] = {}
        self.looked_until = 0.0
        """All passes over the Batches have come so far."""

    async def load(self) -> "Counted":
        """Raises `Temporary`."""
        index, _ = await load_index(self._store)
        self.looked_until = min([*index.positions, self._last]) if index.positions else 0.0
        self._passed = {
            name: look.positions
            for name, look in index.domains.items()
            if len(look.positions) == len(AGES_S)
        }
        return self

    async def window(self, name: str) -> Window:
        """What is counted of a quarter of an hour; nothing if its record cannot be read."""
        if self._window[0] != name:
            try:
                found = (await stats_batches.load(self._store, name))[0]
            except (msgspec.MsgspecError, UnicodeDecodeError, Malformed):
                found = Window()
            self._window = name, found
        return self._window[1]

    async def has_event(self, domain: str, key: str) -> bool:
        """Whether an events object is counted, or will never be. No other key is."""
        try:
            day, name = keys.parse_event(key)
            ended = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp() + DAY_S
        except ValueError:
            return False
        record = keys.stats_events(domain, day)
        if self._seen[0] != record:
            self._seen = record, await self._names(record)
        # An object may be named a moment after the day whose events it has.
        passed = min([*self._passed.get(domain, (0.0,)), self._last])
        return name in self._seen[1] or ended + DAY_S < passed

    async def _names(self, record: str) -> frozenset[str]:
        try:
            return frozenset(_DAY_EVENTS.decode(unpack((await self._store.get(record)).body)).seen)
        except (NotFound, msgspec.MsgspecError, UnicodeDecodeError, Malformed):
            return frozenset()

    async def named_by_events(self, domain: str) -> frozenset[str] | None:
        """Batches that events are about which are not counted yet: they count with its tags.

        None: nobody can say now. What comes from here on finds the Batch gone.
        """
        passed = self._passed.get(domain)
        since = keys.events(domain)
        if passed:
            # The first pass may have missed what was being written; not so the second one.
            since = keys.before_event(domain, keys.day(passed[1]), id_at(passed[1]))
        fresh = await self._behind(keys.events(domain), since)
        self._budget.spend(1 + len(fresh) // 1000)
        if len(fresh) > MOST_FRESH or (fresh and not passed):
            return None
        news = [key for key in fresh if not await self.has_event(domain, key)]
        if len(news) > MOST_UNCOUNTED:
            return None
        self._budget.spend(len(news))
        named: set[str] = set()
        for start in range(0, len(news), _AT_ONCE):
            for events in await together(map(self._events, news[start : start + _AT_ONCE])):
                named.update(events)
        return frozenset(named)

    async def _behind(self, prefix: str, after: str) -> list[str]:
        """At most one more than `MOST_FRESH` keys."""
        found: list[str] = []
        async for entry in list_all(self._store, prefix, after):
            found.append(entry.key)
            if len(found) > MOST_FRESH:
                break
        return found

    async def _events(self, key: str) -> list[str]:
        """The Batches that an events object is about."""
        try:
            body = (await self._store.get(key)).body
            return [batch_of(each) for each in feedback.decode_lines(body)]
        except (NotFound, msgspec.MsgspecError, UnicodeDecodeError):
            return []
