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

import msgspec

from shared import keys
from shared.codec import unpack
from shared.domain_retention import forgetting
from shared.domain_retention.counted import Counted, is_counted
from shared.domain_retention.forgetting import Doomed
from shared.domain_retention.listings import Budget, batch_ids
from shared.domain_retention.open_work import OpenWork
from shared.domain_retention.own import Own
from shared.domain_retention.stretches import Reach, Stretch, stretches
from shared.domain_retention.wanted import DAY_S, day_begins
from shared.errors import LostRace, Malformed, NotFound
from shared.ids import time_of
from shared.stats.listing import Listed
from shared.stats.window import Window, window_of
from shared.store.base import Store, list_all
from shared.together import together

TOUCHED_S = DAY_S
"""What was written to so lately is left alone: something goes on there."""
_AT_ONCE = 16


class Head(msgspec.Struct):
    """What of a Batch's content is needed here."""

    domain: str
    accepted_at: float
    due_at: float
    tags: list[str] = []

    @property
    def since(self) -> float:
        """From when on it ages."""
        return max(self.accepted_at, self.due_at)


_HEAD = msgspec.json.Decoder(Head)


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
        for batch in own.record.going:
            if await self._head(batch) is None:
                await forgetting.finish(self._store, batch)
                own.record.kept.pop(batch, None)
        own.record.going = []
        today = day_begins(self._now)
        if own.record.looked == today:
            return
        kept = sorted(each for each, since in own.record.kept.items() if since < own.cutoff)
        for name, group in groupby(kept, window_of):
            heads = await self._heads(list(group))
            self._budget.spend()
            for batch, head in heads.items():
                if not self._is_own(own, batch, head):
                    del own.record.kept[batch]
            await self._judge(own, await self._counted.window(name), _of(own, heads))
        own.record.looked = today
        await own.save()

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
        heads = await self._heads(batches)
        for own in owns:
            await self._alone(own, self._judge(own, window, _of(own, heads)))

    async def _judge(self, own: Own, window: Window, heads: Mapping[str, Head]) -> None:
        """Those that are too old go, unless something keeps them. Raises `LostRace`."""
        doomed: list[Doomed] = []
        # Until they are gone: `forget` takes them out.
        own.record.kept |= {batch: head.since for batch, head in heads.items()}
        old = [each for each, head in heads.items() if self._is_old(own, each, head)]
        for start in range(0, len(old), _AT_ONCE):
            group = old[start : start + _AT_ONCE]
            looks = (self._look(window, each, heads[each]) for each in group)
            doomed += [each for each in await together(looks) if each]
        await own.forget(doomed)

    def _is_old(self, own: Own, batch: str, head: Head) -> bool:
        """And nobody is known to want it yet."""
        is_wanted = self._work.keeps(batch) or batch in own.named
        return head.since < own.cutoff and not is_wanted

    async def _look(self, window: Window, batch: str, head: Head) -> Doomed | None:
        """None: it stays. It is listed now: what a page showed may be minutes old."""
        listed, found, touched = Listed(), list[str](), 0.0
        self._budget.spend()
        async for entry in list_all(self._store, keys.batch_prefix(batch)):
            found.append(entry.key)
            listed.add(keys.parse_of_batch(entry.key)[1])
            touched = max(touched, entry.modified)
        is_read = is_counted(window, batch, listed.sorted(), self._counted.looked_until)
        if not is_read or touched >= self._now - TOUCHED_S:
            return None
        return Doomed(batch, head.tags, found)

    async def _heads(self, batches: Sequence[str]) -> dict[str, Head | None]:
        heads: dict[str, Head | None] = {}
        for start in range(0, len(batches), _AT_ONCE):
            group = batches[start : start + _AT_ONCE]
            heads |= zip(group, await together(map(self._head, group)), strict=True)
        self._budget.spend(len(batches))
        return heads

    async def _head(self, batch: str) -> Head | None:
        """None: there is no content, or none that can be read."""
        try:
            return _HEAD.decode(unpack((await self._store.get(keys.content(batch))).body))
        except (NotFound, Malformed, msgspec.MsgspecError, UnicodeDecodeError):
            return None


def _going_on(owns: Mapping[str, Own]) -> list[Own]:
    return [each for each in owns.values() if each.goes_on]


def _of(own: Own, heads: Mapping[str, Head | None]) -> dict[str, Head]:
    return {name: head for name, head in heads.items() if head and head.domain == own.domain}
