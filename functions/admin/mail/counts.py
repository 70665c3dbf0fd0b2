"""A Batch's Deliveries by state, counted Bag by Bag within a budget.

Parts of Outcomes are added, never changed: a Bag with as many parts as at the last look is not read
again, and one that the statistics have counted not at all. A Batch that is too large for one look
is counted on by the next one.
"""

import asyncio
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol, cast

import msgspec

from shared import keys
from shared.errors import Malformed
from shared.outcome import FINAL, Outcome, State, latest
from shared.stats import progress
from shared.store.base import Entry, Object, Store

USUAL_BYTES = 4 * 1024 * 1024
"""About 15,000 Outcomes: some 20 ms."""
MOST_LISTED = 10_000
REMEMBERED_BAGS = 100_000
PROGRESS_ABOVE = 10
"""Parts to be read; for fewer it is not worth a request to ask what is counted."""
_PAGE = 1000
_AT_ONCE = 16


class _Line(msgspec.Struct):
    """What counting needs of an Outcome."""

    delivery: str
    outcome: State


_LINES = msgspec.json.Decoder(_Line)


class Countable(Protocol):
    """A Batch."""

    @property
    def batch(self) -> str: ...
    @property
    def accepted(self) -> int: ...
    @property
    def bag_size(self) -> int:
        """0: it has no Bags yet."""


@dataclass(slots=True)
class _Counted:
    parts: int
    states: Counter[State]


@dataclass(frozen=True, slots=True)
class Counts:
    """What is known of a Batch."""

    accepted: int
    states: Counter[State]
    """Accepted Deliveries by where they are."""
    uncounted: int = 0
    """Deliveries in Bags that were not counted yet."""
    by_bag: dict[int, Counter[State]] = field(default_factory=dict)
    """Of the Bags that were counted and have Outcomes."""
    pending: frozenset[int] = frozenset()
    """Bags whose Outcomes were not counted yet."""

    @property
    def finished(self) -> int:
        return sum(self.states[state] for state in FINAL)

    @property
    def is_done(self) -> bool:
        return not self.uncounted and self.finished >= self.accepted


class BatchCounts:
    """Counts, and remembers what it has counted."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: OrderedDict[str, dict[int, _Counted]] = OrderedDict()

    async def look(self, batch: Countable, most_bytes: int = USUAL_BYTES) -> Counts:
        """Reads at most about so many bytes of Outcomes. Raises `Malformed`, `Temporary`."""
        parts = await self._parts(batch.batch)
        known = self._known.pop(batch.batch, {})
        self._known[batch.batch] = known
        pending = _pending(parts, known)
        if sum(len(parts[bag]) for bag in pending) > PROGRESS_ABOVE:
            await self._take_progress(batch.batch, parts, known)
            pending = _pending(parts, known)
        affordable = list(_affordable(pending, parts, most_bytes))
        for start in range(0, len(affordable), _AT_ONCE):
            group = affordable[start : start + _AT_ONCE]
            counted = await asyncio.gather(*(self._count(parts[bag]) for bag in group))
            for bag, states in zip(group, counted, strict=True):
                known[bag] = _Counted(len(parts[bag]), states)
        self._forget()
        return _summed(batch, known, frozenset(pending[len(affordable) :]))

    async def _take_progress(
        self, batch: str, parts: dict[int, list[Entry]], known: dict[int, _Counted]
    ) -> None:
        """Of those Bags that have not changed since they were counted for the statistics."""
        for bag, counted in (await progress.load(self._store, batch)).items():
            own = sorted(entry.key for entry in parts.get(bag, []))
            sent = [key for key in own if not keys.name_of_late_outcome(key)]
            last = f"{keys.outcomes_of_bag(batch, bag)}{counted.upto}.jsonl"
            if sent and sent[-1] == last and len(own) - len(sent) == counted.late:
                known[bag] = _Counted(len(own), Counter(counted.states))

    async def _parts(self, batch: str) -> dict[int, list[Entry]]:
        """Bag → the parts of its Outcomes."""
        by_bag: dict[int, list[Entry]] = {}
        start = ""
        for _ in range(MOST_LISTED // _PAGE):
            page = await self._store.list_page(keys.outcomes(batch), start, _PAGE)
            for entry in page:
                by_bag.setdefault(_bag_of(entry.key), []).append(entry)
            if len(page) < _PAGE:
                break
            start = page[-1].key
        return by_bag

    async def _count(self, parts: list[Entry]) -> Counter[State]:
        # In the order of their keys: that of attempts.
        ordered = sorted(entry.key for entry in parts)
        found = await asyncio.gather(*map(self._store.get, ordered))
        lines = [
            line for key, each in zip(ordered, found, strict=True) for line in _read(key, each)
        ]
        folded = latest(cast("list[Outcome]", lines))  # looks at these two fields alone
        return Counter(each.outcome for each in folded.values())

    def _forget(self) -> None:
        while sum(map(len, self._known.values())) > REMEMBERED_BAGS and len(self._known) > 1:
            self._known.popitem(last=False)


def _bag_of(key: str) -> int:
    """Raises `Malformed`."""
    try:
        return keys.bag_of_outcomes(key)
    except ValueError as error:
        raise Malformed(f"{key} is no part of Outcomes") from error


def _read(key: str, part: Object) -> list[_Line]:
    """Raises `Malformed`."""
    try:
        return _LINES.decode_lines(part.body)
    except msgspec.MsgspecError as error:
        raise Malformed(f"{key} cannot be read: {error}") from error


def _pending(parts: dict[int, list[Entry]], known: dict[int, _Counted]) -> list[int]:
    """The Bags that have changed since they were counted."""
    return [bag for bag, own in parts.items() if bag not in known or known[bag].parts != len(own)]


def _affordable(pending: list[int], parts: dict[int, list[Entry]], most_bytes: int) -> list[int]:
    """The first ones that fit, and at least one."""
    total = 0
    for number, bag in enumerate(pending):
        total += sum(entry.size_bytes for entry in parts[bag])
        if total > most_bytes:
            return list(islice(pending, max(1, number)))
    return pending


def _summed(batch: Countable, known: dict[int, _Counted], pending: frozenset[int]) -> Counts:
    counted = {bag: each.states for bag, each in known.items() if bag not in pending}
    states: Counter[State] = Counter()
    for each in counted.values():
        states += each
    uncounted = sum(size_of_bag(batch, bag) for bag in pending)
    states[State.QUEUED] = max(0, batch.accepted - uncounted - sum(states.values()))
    return Counts(batch.accepted, states, uncounted, counted, pending)


def size_of_bag(batch: Countable, bag: int) -> int:
    """How many Deliveries it holds."""
    if not batch.bag_size:
        return 0
    return max(0, min(batch.bag_size, batch.accepted - bag * batch.bag_size))
