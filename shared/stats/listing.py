"""What there is to count, read from the keys: no object is opened here."""

import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from shared import keys
from shared.ids import batch_id, is_batch_id
from shared.store.base import Entry, Store, list_all

_PAGE = 1000
_OUTCOMES = re.compile(r"outcomes/(\d{4,})\.(late\.[^/]+|\d{3,}\.\d{4,})\.jsonl", re.ASCII)


def id_at(at: float) -> str:
    """In front of all ids that were made at this time, or later."""
    return batch_id(at, bytes(10))


class Pages:
    """Reads spans of a listing, the oldest first. Spans that stand on one page are one request."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._prefix = prefix
        self._page: list[Entry] = []
        self._from: str | None = None
        self._is_last = False
        self.read = 0
        """Pages, so far."""

    async def between(self, after: str, end: str) -> AsyncIterator[str]:
        """The keys behind `after` and in front of `end`."""
        while True:
            if not self._has(after):
                self._page = await self._store.list_page(self._prefix, after, _PAGE)
                self._from, self._is_last = after, len(self._page) < _PAGE
                self.read += 1
            for entry in self._page:
                if entry.key >= end:
                    return
                if entry.key > after:
                    yield entry.key
            if self._is_last:
                return
            after = self._page[-1].key

    def _has(self, after: str) -> bool:
        if self._from is None or after < self._from:
            return False
        return self._is_last or self._page[-1].key > after


@dataclass
class Listed:
    """One Batch, by its keys."""

    has_content: bool = False
    parts: dict[int, list[str]] = field(default_factory=dict)
    """Bag → `<attempt>.<part>` of each of its Outcomes objects, in their order."""
    late: dict[int, list[str]] = field(default_factory=dict)
    """Bag → the same of reports that came back."""

    def add(self, rest: str) -> None:
        """`rest` is the key without the Batch's prefix. What no stage writes is passed over."""
        if rest == "content.json":
            self.has_content = True
        named = _OUTCOMES.fullmatch(rest)
        if named:
            kind = self.late if named[2].startswith("late.") else self.parts
            kind.setdefault(int(named[1]), []).append(named[2])

    def all_of(self, batch: str, bag: int) -> list[str]:
        """The keys of all Outcomes objects of a Bag."""
        return part_keys(batch, bag, [*self.parts.get(bag, []), *self.late.get(bag, [])])

    def sorted(self) -> "Listed":
        """Stores list in an order of their own."""
        for parts in (*self.parts.values(), *self.late.values()):
            parts.sort()
        return self


async def batches(listed: AsyncIterator[str]) -> AsyncIterator[tuple[str, Listed]]:
    """The Batches of a listing, each when all of its keys were seen."""
    name, found = "", Listed()
    async for key in listed:
        batch, rest = keys.parse_of_batch(key)
        if not is_batch_id(batch):
            continue
        if batch != name:
            if name:
                yield name, found.sorted()
            name, found = batch, Listed()
        found.add(rest)
    if name:
        yield name, found.sorted()


async def outcomes_of(store: Store, batch: str) -> Listed:
    """The Outcomes objects of one Batch."""
    found = Listed(has_content=True)
    async for entry in list_all(store, keys.outcomes(batch)):
        found.add(keys.parse_of_batch(entry.key)[1])
    return found.sorted()


def part_keys(batch: str, bag: int, parts: Iterable[str]) -> list[str]:
    return [keys.outcomes_of_bag(batch, bag) + part + ".jsonl" for part in parts]
