"""Batches that are too old.

    ids         listed over the stretch, the oldest first, page by page
    contents    say whose they are; not read where the statistics know that they are all others'
    decide      what is due later, on its way, or not counted yet is named in the record, and stays
    forget      the others: `forgetting`
    record      how far this is

A Domain's record says "all of before are gone but these", so who comes next begins there.
"""

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from itertools import groupby

from shared import keys
from shared.domain_retention import forgetting, heads
from shared.domain_retention.counted import Counted, is_counted
from shared.domain_retention.forgetting import Doomed
from shared.domain_retention.heads import Head, of_domain
from shared.domain_retention.listings import Budget, batch_ids
from shared.domain_retention.open_work import OpenWork
from shared.domain_retention.own import Own
from shared.domain_retention.stretches import Reach, Stretch, stretches
from shared.domain_retention.wanted import DAY_S, day_begins
from shared.errors import LostRace, NotFound
from shared.ids import time_of
from shared.stats.listing import Listed
from shared.stats.window import Window, window_of
from shared.store.base import Store, list_all
from shared.together import together

TOUCHED_S = 6 * DAY_S
"""What was written to so lately is left alone: it was sent late, and who took it may report for
five days that it could not be delivered (RFC 5321 §4.5.4.1)."""
_AT_ONCE = 16


class Walk:
    """Over the Batches of some Domains, in one turn."""

    def __init__(
        self, store: Store, now: float, counted: Counted, work: OpenWork, budget: Budget
    ) -> None:
        self._store = store
        self._now = now
        self._counted = counted
        self._work = work
        self._budget = budget

    async def run(self, owns: Iterable[Own]) -> None:
        """As far as the budget lasts. Raises `Temporary`."""
        own = {each.domain: each for each in owns}
        for each in own.values():
            await self._alone(each, self._begin(each))
        reaches = [
            Reach(each.domain, each.record.until, each.cutoff)
            for each in own.values()
            if each.goes_on
        ]
        for stretch in stretches(reaches):
            if self._budget.is_spent:
                return
            await self._stretch(stretch, {name: own[name] for name in stretch.domains})

    async def _alone(self, own: Own, work: Awaitable[None]) -> None:
        """What another does to one Domain's record stops no other Domain."""
        try:
            await work
        except LostRace:
            own.is_lost = True

    async def _begin(self, own: Own) -> None:
        """What a turn before has left, and what was kept until now."""
        own.record.going = [each for each in own.record.going if await self._stays(own, each)]
        today = day_begins(self._now)
        if own.record.looked == today:
            return
        for name, group in groupby(own.to_look_at(), window_of):
            if self._budget.is_spent:
                break
            await self._look_again(own, name, list(group))
        else:
            own.record.looked, own.record.looked_to = today, ""
        await own.save()

    async def _stays(self, own: Own, batch: str) -> bool:
        """Whether what is left of a Batch without a content is needed yet."""
        if await self._has(keys.content(batch)):
            return False
        if self._work.keeps(batch):
            return True
        await forgetting.finish(self._store, batch)
        own.record.kept.pop(batch, None)
        return False

    async def _has(self, key: str) -> bool:
        try:
            await self._store.get(key)
        except NotFound:
            return False
        return True

    async def _look_again(self, own: Own, name: str, batches: Sequence[str]) -> None:
        """At Batches of one window that were kept."""
        found = await heads.load(self._store, batches, self._budget)
        self._budget.spend()
        for batch, head in found.items():
            if not self._is_own(own, batch, head):
                del own.record.kept[batch]
        await self._judge(own, await self._counted.window(name), of_domain(found, own.domain))
        own.record.looked_to = batches[-1]

    def _is_own(self, own: Own, batch: str, head: Head | None) -> bool:
        if head is None:
            return batch in self._work.unvalidated  # nobody can say yet
        return head.domain == own.domain

    async def _stretch(self, stretch: Stretch, owns: Mapping[str, Own]) -> None:
        """Raises `Temporary`; then nobody knows how far this was, and it is walked again."""
        for batch in self._work.unvalidated:
            if stretch.start <= time_of(batch) < stretch.end:
                for own in owns.values():
                    own.record.kept.setdefault(batch, 0.0)
        async for ids in batch_ids(self._store, stretch.start, stretch.end, self._budget):
            if not await self._page(ids, owns):
                break
        else:
            for own in _going_on(owns):
                own.record.until = stretch.end
        for own in owns.values():
            if not own.is_lost:
                await self._alone(own, own.save())

    async def _page(self, ids: Sequence[str], owns: Mapping[str, Own]) -> bool:
        """Whether to go on."""
        for name, group in groupby(ids, window_of):
            going_on = _going_on(owns)
            if not going_on or self._budget.is_spent:
                return False
            batches = list(group)
            await self._window(name, batches, going_on)
            for own in going_on:
                own.record.until = time_of(batches[-1])
        return True

    async def _window(self, name: str, batches: Sequence[str], owns: Sequence[Own]) -> None:
        """Batches of one window of the statistics."""
        window = await self._counted.window(name)
        self._budget.spend()
        if not any(own.domain in window.counts for own in owns):
            # All that it has counted are others'.
            batches = [
                each for each in batches if each not in window.open and each not in window.closed
            ]
        found = await heads.load(self._store, batches, self._budget)
        for own in owns:
            await self._alone(own, self._judge(own, window, of_domain(found, own.domain)))

    async def _judge(self, own: Own, window: Window, batches: Mapping[str, Head]) -> None:
        """Those that are too old go, unless something keeps them. Raises `LostRace`."""
        doomed: list[Doomed] = []
        # Until they are gone: `forget` takes them out.
        own.record.kept |= {batch: head.since(own) for batch, head in batches.items()}
        old = [each for each, head in batches.items() if self._is_old(own, each, head)]
        for start in range(0, len(old), _AT_ONCE):
            group = old[start : start + _AT_ONCE]
            looks = (self._look(window, each, batches[each]) for each in group)
            doomed += [each for each in await together(looks) if each]
        await own.forget(doomed)

    def _is_old(self, own: Own, batch: str, head: Head) -> bool:
        """And nobody is known to want it yet."""
        is_wanted = self._work.keeps(batch) or batch in own.named
        return head.since(own) < own.cutoff and not is_wanted

    async def _look(self, window: Window, batch: str, head: Head) -> Doomed | None:
        """None: it stays. It is listed now: what a page showed may be minutes old."""
        listed, found, touched = Listed(), list[str](), 0.0
        self._budget.spend()
        async for entry in list_all(self._store, keys.batch_prefix(batch)):
            found.append(entry.key)
            listed.add(keys.parse_of_batch(entry.key)[1])
            touched = max(touched, entry.modified)
        is_read = is_counted(window, batch, listed.sorted(), self._counted.looked_until)
        if not is_read or touched >= self._now - TOUCHED_S or await self._is_open(batch):
            return None
        return Doomed(batch, head.tags, found)

    async def _is_open(self, batch: str) -> bool:
        """Whether somebody has put it back since the open work was listed."""
        self._budget.spend(3)
        bags = await together(self._store.list_page(at, limit=1) for at in keys.bags_of(batch))
        return any(bags) or await self._has(keys.submitted(batch))


def _going_on(owns: Mapping[str, Own]) -> list[Own]:
    return [each for each in owns.values() if each.goes_on]
