"""A Domain's suppressions over a store in memory, with a clock that the test sets.

here = Suppressed()
here.add("ann@sink.example")
here.compact()
assert here.knows("ann@sink.example")
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from random import Random
from typing import Any, TypeVar

from shared import keys
from shared.domains import Directory
from shared.store.base import Store, list_all
from shared.store.memory import MemoryStore
from shared.store.wrap import Wrapper
from shared.suppressions import Suppression, Suppressions, digest, editing, listing
from shared.suppressions.compact import Compacted, compact
from shared.suppressions.csv_lines import read
from shared.suppressions.importing import Imported, import_rows
from shared.suppressions.index import load

DOMAIN = "example.org"
NOW = 1_800_000_000.0
LATER_S = 3600.0

T = TypeVar("T")


def addresses(count: int, first: int = 0) -> list[str]:
    return [f"reader-{number:07d}@sink.example" for number in range(first, first + count)]


def entry(email: str, reason: str = "manual", at: float = NOW, delivery: str = "") -> Suppression:
    return Suppression(email=email, reason=reason, at=at, delivery=delivery)


class Suppressed:
    """One Domain."""

    def __init__(self, store: Store | None = None) -> None:
        self.now = NOW
        self.store: Store = store or MemoryStore(lambda: self.now)

    def clock(self) -> float:
        return self.now

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(work)

    def add(self, email: str, reason: str = "manual", at: float = NOW, delivery: str = "") -> None:
        self.do(editing.add(self.store, DOMAIN, entry(email, reason, at, delivery)))

    def add_all(self, emails: list[str], **said: Any) -> None:
        async def add() -> None:
            for email in emails:
                await editing.add(self.store, DOMAIN, entry(email, **said))

        self.do(add())

    def remove(self, email: str) -> bool:
        return self.do(editing.remove(self.store, DOMAIN, digest(email)))

    def forget(self, email: str) -> bool:
        return self.do(editing.make_nameless(self.store, DOMAIN, digest(email)))

    def find(self, email: str) -> Suppression | None:
        return self.do(editing.find(self.store, DOMAIN, digest(email)))

    def compact(self, most_fresh: int = 0) -> Compacted:
        """An hour later."""
        self.now += LATER_S
        return self.do(compact(self.store, DOMAIN, self.clock, most_fresh))

    def fold(self) -> Compacted:
        """Twice: the first time makes the index, and the second one uses it."""
        self.compact()
        return self.compact()

    def import_csv(self, text: str | bytes) -> Imported:
        body = text if isinstance(text, bytes) else text.encode()
        return self.do(importing(self.store, body.splitlines(keepends=True), self.clock))

    def asked(self) -> Suppressions:
        """By a process that remembers nothing."""
        return Suppressions(self.store, Directory(self.store, self.clock))

    def knows(self, *emails: str) -> bool:
        known = self.do(self.asked().of(DOMAIN))
        return all(digest(email) in known for email in emails)

    def entries(self) -> list[Suppression]:
        return self.do(everything(self.store))

    def emails(self) -> set[str]:
        return {each.email for each in self.entries()}

    def stored(self, prefix: str = "") -> list[str]:
        async def read_keys() -> list[str]:
            return [each.key async for each in list_all(self.store, prefix)]

        return self.do(read_keys())

    def fresh(self) -> list[str]:
        own = keys.suppression_index(DOMAIN)
        return [key for key in self.stored(keys.suppressions(DOMAIN)) if key != own]

    def segments(self) -> set[str]:
        """That have objects."""
        return {keys.parse_suppressed(key) for key in self.stored(keys.suppressed(DOMAIN))}

    def named(self) -> set[str]:
        """Segments that count."""
        return {each.name for each in self.do(load(self.store, DOMAIN))[0].segments}


async def everything(store: Store) -> list[Suppression]:
    return [each async for each in listing.everything(store, DOMAIN)]


async def importing(store: Store, lines: list[bytes], clock: Callable[[], float]) -> Imported:
    known = await Suppressions(store, Directory(store, clock)).of(DOMAIN)
    return await import_rows(store, DOMAIN, read(lines, clock()), known, clock())


class SlowStore(Wrapper):
    """Each call takes a while, by chance: what runs at once meets in every order."""

    def __init__(self, inner: Store, chance: Random) -> None:
        super().__init__(inner)
        self._chance = chance

    async def _pass_on(self, op: str, key: str, call: Callable[[], Awaitable[T]]) -> T:
        await self._wait()
        done = await call()
        await self._wait()
        return done

    async def _wait(self) -> None:
        for _ in range(self._chance.choice((0, 0, 1, 2, 5, 20))):
            await asyncio.sleep(0)
