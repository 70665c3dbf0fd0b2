"""Domains that keep things for a while, over a store whose clock the test sets.

here = Keeping()
here.domain(DOMAIN, batches=7)
batch = here.batch(age_days=20)
here.count()                       the statistics read it
here.forget()                      what is due today
assert not here.has(batch)
"""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any, TypeVar

import msgspec
from contents import content_of

from shared import feedback, keys
from shared.domain_retention.rounds import turn
from shared.errors import NotFound
from shared.feedback import Event
from shared.ids import batch_id, delivery_id
from shared.outcome import Outcome, State, encode_lines
from shared.stats.compact import Compaction
from shared.store.base import Store, list_all
from shared.store.memory import MemoryStore

DOMAIN, OTHER = "example.org", "other.example"
NOW = 1_800_000_000.0
"""2027-01-15T08:00:00Z"""
DAY_S = 86_400.0
INTERVAL_S = 60.0

T = TypeVar("T")


class Keeping:
    """A bucket, the time, and those who work on it."""

    def __init__(self, store: Store | None = None, now: float = NOW) -> None:
        self.now = now
        self._chance = Random(1)
        self.store: Store = store or MemoryStore(self.clock)

    def clock(self) -> float:
        return self.now

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(work)

    def put(self, key: str, body: bytes = b"x") -> str:
        self.do(self.store.put(key, body))
        return key

    @contextmanager
    def at(self, time: float) -> Iterator[None]:
        """What is put meanwhile was put then."""
        now, self.now = self.now, time
        yield
        self.now = now

    # What there is.

    def domain(self, name: str = DOMAIN, **days: Any) -> None:
        self.put(keys.retention_wish(name), msgspec.json.encode({"days": days}))

    def batch(
        self,
        age_days: float,
        domain: str = DOMAIN,
        *,
        due_days: float = 0.0,
        state: State | None = State.DELIVERED,
        tags: Sequence[str] = ("spring", "a/b"),
    ) -> str:
        """One Delivery, with all that may hang on its Batch; due `due_days` after it was accepted.
        No Outcome if `state` is None."""
        at = self.now - age_days * DAY_S
        with self.at(at):
            batch = batch_id(at, self._chance.randbytes(10))
            due_at = at + due_days * DAY_S
            content = content_of(batch, domain, at, due_at=due_at, tags=list(tags), bag_size=500)
            self.put(keys.content(batch), msgspec.json.encode(content))
            self.put(keys.archived(keys.submitted(batch)))
            self.put(keys.cancelled(batch), b"{}")
            for tag in tags:
                self.put(keys.tagged(domain, tag, batch), b"")
        if state:
            with self.at(at + due_days * DAY_S):
                self.outcome(batch, state)
        return batch

    def outcome(self, batch: str, state: State, attempt: int = 0) -> str:
        retry_at = self.now + 300 if state is State.DEFERRED else 0
        line = Outcome(
            delivery=delivery_id(batch, 0, 0),
            recipient="ann@sink.example",
            outcome=state,
            at=self.now,
            attempt=attempt,
            retry_at=retry_at,
        )
        return self.put(keys.outcome_part(batch, 0, attempt, 0), encode_lines([line]))

    def report(self, batch: str, domain: str = DOMAIN) -> str:
        """A Delivery bounces late; returns the id of the mail that said so."""
        name = batch_id(self.now, self._chance.randbytes(10))
        self.put(keys.archived(keys.inbound(name)))
        line = Outcome(
            delivery=delivery_id(batch, 0, 0),
            recipient="ann@sink.example",
            outcome=State.BOUNCED,
            at=self.now,
        )
        self.put(keys.late_outcome(batch, 0, name), encode_lines([line]))
        self.event(batch, domain, kind=feedback.BOUNCED, name=name)
        return name

    def event(
        self, batch: str, domain: str = DOMAIN, *, kind: str = feedback.OPENED, name: str = ""
    ) -> str:
        """Its key."""
        name = name or batch_id(self.now, self._chance.randbytes(10))
        event = Event(
            delivery=delivery_id(batch, 0, 0),
            recipient="ann@sink.example",
            kind=kind,
            at=self.now,
        )
        return self.put(keys.event(domain, self.now, name), feedback.encode_lines([event]))

    def received(self, domain: str = DOMAIN) -> str:
        """The id of a mail for the Domain's people."""
        name = batch_id(self.now, self._chance.randbytes(10))
        self.put(keys.received(domain, name))
        self.put(keys.archived(keys.inbound(name)))
        return name

    # Who works on it.

    def count(self) -> None:
        while self.do(self.counting().round(at_once=True)).behind:
            pass

    def counting(self) -> Compaction:
        return Compaction(self.store, lambda: self.now, INTERVAL_S)

    def forget(self, store: Store | None = None) -> int:
        """All that is due today; returns in how many turns."""
        for number in range(1, 200):
            if self.do(turn(store or self.store, self.now)) > self.now:
                return number
        raise AssertionError("it never ends")

    def days_later(self, days: float) -> None:
        self.now += days * DAY_S

    # What is left.

    def listed(self, prefix: str = "") -> list[str]:
        async def read() -> list[str]:
            return [entry.key async for entry in list_all(self.store, prefix)]

        return self.do(read())

    def has(self, name: str) -> bool:
        """Whether any key names it, but for the records of those who work on it."""
        named = [key for key in self.listed() if name in key]
        return any(not key.startswith("control/") for key in named)

    def is_whole(self, batch: str) -> bool:
        return keys.content(batch) in self.listed(keys.BATCHES)

    def bodies(self, prefix: str) -> dict[str, bytes]:
        async def read() -> dict[str, bytes]:
            found = {}
            async for entry in list_all(self.store, prefix):
                found[entry.key] = (await self.store.get(entry.key)).body
            return found

        return self.do(read())

    def body(self, key: str) -> bytes:
        """Nothing for one that is not there."""
        try:
            return self.do(self.store.get(key)).body
        except NotFound:
            return b""
