"""One turn: the work of a day, in pieces that a function has the time for.

    claim     control/retention/index.json says that a turn is under way   → others keep away
    list      Domains that have a retention of their own, some at a time
    forget    of some of these: events, received mail, calls, Batches
    release   the index says which Domains are left, and when the next turn may begin

Nothing rests on the index but the cost. Two at once, or one that dies, do no harm: what is to go is
found by its keys, or in the Domain's record.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence

from shared import keys
from shared.domain_retention import open_work, records, wanted, wishes
from shared.domain_retention.batches import Walk
from shared.domain_retention.by_time import ByTime
from shared.domain_retention.counted import Counted
from shared.domain_retention.listings import Budget
from shared.domain_retention.own import Own
from shared.domain_retention.records import Index
from shared.domain_retention.turns import LONGEST_S
from shared.errors import LostRace
from shared.store.base import Store

TURN_S = 300.0
"""A turn that is killed keeps others away for so long."""
LATER_S = 900.0
"""What another is at, or the statistics have to count first, is asked for again."""
BEGINS_S = 1800.0
"""After midnight, UTC: by then what happened before it is counted."""
MOST_LISTED = 1000
MOST_DOMAINS = 100
"""In one turn; they share their walk over the Batches."""

log = logging.getLogger("ekiden.retention")


async def turn(store: Store, now: float) -> float:
    """Do some of what is to be done today. Returns when to ask again. Raises `Temporary`."""
    index, etag = await records.load(store, keys.retention_index(), Index)
    if 0 < index.next - now <= LONGEST_S:  # more: a clock ran ahead
        return index.next
    today = wanted.day_begins(now)
    if index.day != today:
        index = Index(day=today)
    try:
        index.next = now + TURN_S
        etag = await records.save(store, keys.retention_index(), index, etag)
        is_spent = await _Turn(store, now).work(index)
        index.next = _next(index, now, is_spent=is_spent)
        await records.save(store, keys.retention_index(), index, etag)
    except LostRace as lost:
        log.info("another one is at it: %s", lost)
        return now + TURN_S
    return index.next


def _next(index: Index, now: float, *, is_spent: bool) -> float:
    if not index.is_listed:
        return now
    if index.todo:
        return now if is_spent else now + LATER_S
    return index.day + wanted.DAY_S + BEGINS_S


class _Turn:
    """What one turn does."""

    def __init__(self, store: Store, now: float) -> None:
        self._store = store
        self._now = now
        self._budget = Budget()

    async def work(self, index: Index) -> bool:
        """Whether it did as much as it may. Changes the index."""
        if not index.is_listed:
            await self._list(index)
        group = index.todo[:MOST_DOMAINS]
        done = await self._forget(group) if group else set()
        left = [each for each in group if each not in done]
        is_more = len(index.todo) > len(group)
        # Those that have to wait go to the end.
        index.todo = [*index.todo[len(group) :], *left]
        return is_more or self._budget.is_spent

    async def _list(self, index: Index) -> None:
        found, index.after = await wishes.domains(self._store, index.after, MOST_LISTED)
        index.todo += found
        index.is_listed = not index.after

    async def _forget(self, domains: Sequence[str]) -> set[str]:
        """Returns which are done for today."""
        # First: what is put back meanwhile is found where it is then.
        work = await open_work.find(self._store)
        counted = await Counted(self._store, self._now, self._budget).load()
        by_time = ByTime(self._store, counted, work, self._budget)
        done: set[str] = set()
        owns: list[Own] = []
        for domain in domains:
            if self._budget.is_spent:
                break
            days, _ = await wishes.load(self._store, domain)
            own = await self._own(counted, domain, days)
            owns += [own] if own else []
            is_through = await self._by_time(by_time, domain, days)
            if is_through and (own or wanted.BATCHES not in days):
                done.add(domain)
        await Walk(self._store, self._now, counted, work, self._budget).run(owns)
        self._tell(by_time, owns)
        today = wanted.day_begins(self._now)
        return done - {each.domain for each in owns if not each.is_done(today)}

    async def _own(self, counted: Counted, domain: str, days: Mapping[str, int]) -> Own | None:
        """None: it keeps Batches as the installation does, or nobody can say what is counted."""
        if wanted.BATCHES not in days:
            own = await Own(self._store, domain).load(self._now)
            return own if own.record.going else None  # a wish of before had begun with them
        named = await counted.named_by_events(domain)
        if named is None:
            log.warning("%s: its events are not counted yet, and its Batches stay", domain)
            return None
        number = days[wanted.BATCHES]
        cutoff, longer_s = wanted.cutoff(number, self._now), wanted.longer_s(number)
        return await Own(self._store, domain, cutoff, named, longer_s).load(self._now)

    async def _by_time(self, by_time: ByTime, domain: str, days: Mapping[str, int]) -> bool:
        """Whether it came to the end."""
        forget = {
            wanted.EVENTS: by_time.events,
            wanted.RECEIVED: by_time.received,
            wanted.CALLS: by_time.calls,
        }
        for kind, each in forget.items():
            if kind in days and not await each(domain, wanted.cutoff(days[kind], self._now)):
                return False
        return True

    def _tell(self, by_time: ByTime, owns: Iterable[Own]) -> None:
        for own in owns:
            if own.forgotten:
                log.info("%s: %d Batches were past their time", own.domain, own.forgotten)
            if own.is_full:
                kept = len(own.record.kept)
                log.warning("%s: %d Batches are kept: no younger one goes", own.domain, kept)
        if by_time.forgotten:
            log.info("%d events, mails and calls were past their time", by_time.forgotten)
