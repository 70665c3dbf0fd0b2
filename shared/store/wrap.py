"""Stores around a store, for tests and benchmarks: one counts, one dies, one fails by chance."""

from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from random import Random
from typing import Any, Literal, TypeVar

from shared.errors import StoreUnavailable
from shared.store.base import Entry, Object, Store

T = TypeVar("T")

WRITES = {"create", "replace", "put", "delete"}


class Wrapper:
    """A `Store` whose every call goes through `_pass_on`; by itself it changes nothing."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner

    async def _pass_on(self, op: str, key: str, call: Callable[[], Awaitable[T]]) -> T:
        return await call()

    async def get(self, key: str) -> Object:
        return await self._pass_on("get", key, lambda: self.inner.get(key))

    async def create(self, key: str, body: bytes) -> str:
        return await self._pass_on("create", key, lambda: self.inner.create(key, body))

    async def replace(self, key: str, body: bytes, etag: str) -> str:
        return await self._pass_on("replace", key, lambda: self.inner.replace(key, body, etag))

    async def put(self, key: str, body: bytes) -> str:
        return await self._pass_on("put", key, lambda: self.inner.put(key, body))

    async def delete(self, *keys: str) -> None:
        if keys:
            await self._pass_on("delete", keys[0], lambda: self.inner.delete(*keys))

    async def list_page(self, prefix: str, start_after: str = "", limit: int = 1000) -> list[Entry]:
        return await self._pass_on(
            "list_page", prefix, lambda: self.inner.list_page(prefix, start_after, limit)
        )

    async def close(self) -> None:
        await self.inner.close()


class CountingStore(Wrapper):
    """Counts requests by operation: what a bucket's owner pays for."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.counts: Counter[str] = Counter()

    @property
    def total(self) -> int:
        return self.counts.total()

    # Every request of `serve` goes through here: no coroutine around a coroutine.

    def get(self, key: str) -> Coroutine[Any, Any, Object]:
        self.counts["get"] += 1
        return self.inner.get(key)

    def create(self, key: str, body: bytes) -> Coroutine[Any, Any, str]:
        self.counts["create"] += 1
        return self.inner.create(key, body)

    def replace(self, key: str, body: bytes, etag: str) -> Coroutine[Any, Any, str]:
        self.counts["replace"] += 1
        return self.inner.replace(key, body, etag)

    def put(self, key: str, body: bytes) -> Coroutine[Any, Any, str]:
        self.counts["put"] += 1
        return self.inner.put(key, body)

    def delete(self, *keys: str) -> Coroutine[Any, Any, None]:
        self.counts["delete"] += bool(keys)
        return self.inner.delete(*keys)

    def list_page(
        self, prefix: str, start_after: str = "", limit: int = 1000
    ) -> Coroutine[Any, Any, list[Entry]]:
        self.counts["list_page"] += 1
        return self.inner.list_page(prefix, start_after, limit)


class Died(BaseException):
    """The process died here. No `except Exception` swallows it, as none survives a kill -9."""


class FaultStore(Wrapper):
    """Dies at write number `die_at` (from 1), just `before` or `after` it is done; never if None.

    From then on every call raises `Died`: a dead process does nothing more. `writes` lists what
    was attempted, so that a run without a death says at how many places one can be tried. A delete
    of many keys counts as one write per key, because a server may die half-way through it.
    """

    def __init__(
        self,
        inner: Store,
        die_at: int | None = None,
        when: Literal["before", "after"] = "before",
    ) -> None:
        super().__init__(inner)
        self.die_at = die_at
        self.when = when
        self.dead = False
        self.writes: list[tuple[str, str]] = []

    async def delete(self, *keys: str) -> None:
        for key in keys:
            await super().delete(key)

    async def _pass_on(self, op: str, key: str, call: Callable[[], Awaitable[T]]) -> T:
        self._die_if(self.dead)
        if op in WRITES:
            self.writes.append((op, key))
        last = op in WRITES and len(self.writes) == self.die_at
        self._die_if(last and self.when == "before")
        result = await call()
        self._die_if(last or self.dead)
        return result

    def _die_if(self, dying: bool) -> None:
        if dying:
            self.dead = True
            raise Died(f"{self.when} write {self.die_at}")


class FlakyStore(Wrapper):
    """Raises `StoreUnavailable` at this `rate` (0 to 1), half of the time after it did the work."""

    def __init__(self, inner: Store, rng: Random, rate: float) -> None:
        super().__init__(inner)
        self._rng = rng
        self._rate = rate

    async def _pass_on(self, op: str, key: str, call: Callable[[], Awaitable[T]]) -> T:
        chance = self._rng.random()
        if chance < self._rate / 2:
            raise StoreUnavailable(f"flaky before {op} {key}")
        result = await call()
        if chance < self._rate:
            raise StoreUnavailable(f"flaky after {op} {key}")
        return result
