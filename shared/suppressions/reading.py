"""What `submit`, `validate` and `dispatch` ask: a Domain's suppressed addresses, at most
`REMEMBER_S` old, with what this process has changed since.

One listing tells what is fresh, and whether there is an index; where there is one, it is read
behind the listing. Whoever folds fresh entries stores the index first and deletes them then: so
what the listing lacks, the index has. A segment never changes and is read once.
"""

import asyncio
from array import array
from collections import OrderedDict
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from shared import keys
from shared.domains import Directory
from shared.errors import NotFound, StoreUnavailable
from shared.store.base import Store, list_all
from shared.suppressions.index import Index, load
from shared.suppressions.known import Known, Part
from shared.suppressions.lately import of_directory
from shared.suppressions.segments import prefixes_of

MOST_KEPT_BYTES = 40_000_000
"""Of segments of all Domains: beyond that, those of whoever was not asked for longest go."""
_TRIES = 10


@dataclass(slots=True)
class _Seen:
    """What a listing showed."""

    fresh: frozenset[str]
    index: Index | None
    changes: int
    """How often this process had changed the list before."""


class Suppressions:
    """Answers whether an address is suppressed."""

    def __init__(self, store: Store, directory: Directory) -> None:
        self._store = store
        self._directory = directory
        self._segments = _kept.setdefault(directory, KeptSegments())
        self._lately = of_directory(store, directory)

    async def of(self, domain: str) -> Known:
        """The digests of all suppressed addresses of a Domain."""
        prefix = keys.suppressions(domain)
        lately = self._lately

        async def read() -> _Seen:
            changes = lately.changes(domain)
            own = keys.suppression_index(domain)
            listed = [entry.key async for entry in list_all(self._store, prefix)]
            fresh = frozenset(keys.parse_suppression(key) for key in listed if key != own)
            index = (await load(self._store, domain))[0] if own in listed else None
            return _Seen(fresh, index, changes)

        seen = await self._directory.remember(prefix, read)
        if seen.changes != lately.changes(domain):
            self._directory.forget(prefix)
            seen = await self._directory.remember(prefix, read)
        for _ in range(_TRIES):
            try:
                parts = await self._segments.of(self._store, domain, seen.index)
            except NotFound:  # merged away since: another segment has it all
                seen.index = (await load(self._store, domain))[0]
                continue
            return Known(seen.fresh, parts, lately.added(domain))
        raise StoreUnavailable(f"the suppressions of {domain} change all the time")


class KeptSegments:
    """The digests of segments, of all Domains that were asked for lately."""

    def __init__(self, most_bytes: int = MOST_KEPT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[str, dict[str, array[int]]] = OrderedDict()
        self._coming: dict[tuple[str, str], asyncio.Task[array[int]]] = {}

    async def of(self, store: Store, domain: str, index: Index | None) -> tuple[Part, ...]:
        """Raises `NotFound`: the index is an old one."""
        if index is None or not index.segments:
            self._kept.pop(domain, None)
            return ()
        before = self._kept.get(domain, {})
        now: dict[str, array[int]] = {}
        for each in index.segments:
            found = before.get(each.name)
            now[each.name] = await self._read(store, domain, each.name) if found is None else found
        self._keep(domain, now)
        return tuple(Part(now[each.name], frozenset(each.gone)) for each in index.segments)

    async def _read(self, store: Store, domain: str, name: str) -> "array[int]":
        """Once, however many ask for it at the same time: it may be large."""
        coming = self._coming.get((domain, name))
        if coming is None:
            coming = asyncio.create_task(prefixes_of(store, domain, name))
            self._coming[domain, name] = coming
            coming.add_done_callback(lambda _: self._coming.pop((domain, name), None))
        return await asyncio.shield(coming)

    def _keep(self, domain: str, segments: "dict[str, array[int]]") -> None:
        self._kept[domain] = segments
        self._kept.move_to_end(domain)
        while self._size_bytes() > self._most_bytes and len(self._kept) > 1:
            self._kept.popitem(last=False)

    def _size_bytes(self) -> int:
        return sum(
            len(each) * each.itemsize for kept in self._kept.values() for each in kept.values()
        )


_kept: WeakKeyDictionary[Directory, KeptSegments] = WeakKeyDictionary()
"""Who shares a Directory shares these: a process has one copy of a million addresses."""
