"""Stores in which something happens at the worst moment."""

import asyncio
import copy
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, Literal, TypeVar

from admin_desk import TOKEN, AdminDesk

from functions.admin import assemble
from shared.config import load
from shared.store.base import Store
from shared.store.memory import MemoryStore
from shared.store.wrap import Died, FaultStore, Wrapper

T = TypeVar("T")


class Overtaken(Wrapper):
    """Somebody else writes just before the first conditional put of this key."""

    def __init__(self, inner: Store, key: str, other: Callable[[Store], Awaitable[Any]]) -> None:
        super().__init__(inner)
        self._key = key
        self._other: Callable[[Store], Awaitable[Any]] | None = other

    async def _pass_on(self, op: str, key: str, call: Callable[[], Awaitable[T]]) -> T:
        if op in ("create", "replace") and key == self._key and self._other:
            other, self._other = self._other, None
            await other(self.inner)
        return await call()


def at_store(desk: AdminDesk, store: Store) -> AdminDesk:
    """The same desk, as another process over this store."""
    again = copy.copy(desk)
    again.store = store
    config = load(environ={}, flags={"admin.tokens": TOKEN})
    again.face = assemble.face(config, store, clock=lambda: desk.now)
    return again


def overtaken(desk: AdminDesk, key: str, other: Callable[[Store], Awaitable[Any]]) -> AdminDesk:
    """The same desk, at which somebody else writes this key first."""
    return at_store(desk, Overtaken(desk.store, key, other))


def at_every_death(
    prepare: Callable[[AdminDesk], Any], call: Callable[[AdminDesk], Any]
) -> list[AdminDesk]:
    """What `call` left behind, dying before and after each of its writes in turn."""
    left = []
    whens: tuple[Literal["before", "after"], ...] = ("before", "after")
    for when in whens:
        for die_at in count(1):
            desk = AdminDesk(MemoryStore())
            prepare(desk)
            dying = FaultStore(desk.store, die_at, when)
            try:
                call(at_store(desk, dying))
            except Died:
                left.append(desk)
            else:
                break
    return left


def racing(desk: AdminDesk, *calls: Callable[[], Awaitable[Any]]) -> list[Any]:
    """All at once."""

    async def race() -> list[Any]:
        return await asyncio.gather(*(each() for each in calls))

    return desk.do(race())
