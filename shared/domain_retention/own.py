"""One Domain's Batches, in one turn."""

from collections.abc import Sequence

from shared import keys
from shared.domain_retention import forgetting, records
from shared.domain_retention.forgetting import Doomed
from shared.domain_retention.records import Record
from shared.store.base import Store

MOST_KEPT = 10_000
"""Batches in a record, 300 KB: with so many due later, or failed, it goes no further."""
_AT_ONCE = 200
"""Batches that one write of the record is for."""


class Own:
    """What of a Domain's Batches is gone, and what is kept."""

    def __init__(
        self,
        store: Store,
        domain: str,
        cutoff: float = 0.0,
        named: frozenset[str] = frozenset(),
        longer_s: float = 0.0,
    ) -> None:
        """`cutoff`: what was due before is too old. `named`: Batches that events want yet.
        `longer_s`: so much longer stays what Recipients unsubscribe by."""
        self._store = store
        self.domain = domain
        self.cutoff = cutoff
        self.named = named
        self.longer_s = longer_s
        self._etag = ""
        self.record = Record()
        self.forgotten = 0
        self.is_lost = False
        """Another works on it."""

    async def load(self, now: float) -> "Own":
        """Raises `Temporary`."""
        key = keys.retention_of(self.domain)
        self.record, self._etag = await records.load(self._store, key, Record)
        if self.record.until > now:
            self.record.until = 0.0  # a clock ran ahead: what came since was never looked at
        return self

    async def save(self) -> None:
        """Raises `LostRace`."""
        key = keys.retention_of(self.domain)
        self._etag = await records.save(self._store, key, self.record, self._etag)

    @property
    def is_full(self) -> bool:
        return len(self.record.kept) >= MOST_KEPT

    @property
    def goes_on(self) -> bool:
        """Whether there is a stretch to walk for it."""
        return not self.is_lost and not self.is_full and self.record.until < self.cutoff

    def is_done(self, day: float) -> bool:
        """Whether there is nothing left to do on this day."""
        return not self.is_lost and not self.goes_on and self.record.looked == day

    def to_look_at(self) -> list[str]:
        """What is kept and is too old by now, from where a turn before has ended."""
        old = (each for each, since in self.record.kept.items() if since < self.cutoff)
        return sorted(each for each in old if each > self.record.looked_to)

    async def forget(self, batches: Sequence[Doomed]) -> None:
        """Raises `LostRace`, `Temporary`."""
        begun = self.record.going  # what is left of them is needed yet
        for start in range(0, len(batches), _AT_ONCE):
            group = batches[start : start + _AT_ONCE]
            self.record.going = [*begun, *(each.batch for each in group)]
            await self.save()
            await forgetting.forget(self._store, self.domain, group)
            self.forgotten += len(group)
            self.record.going = begun
            for each in group:
                self.record.kept.pop(each.batch, None)
