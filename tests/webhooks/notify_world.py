"""A bucket with what happened, and `notify` over it, with a clock that the test sets.

async with notify_world(there.url) as here:
    await here.happened(delivered("ann"), bounced("ben"))
    await here.settle()                     all work that there is
    await here.later(6)                     six seconds later: what is due
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from contents import content_of

from functions.notify import assemble
from shared import config, keys, webhooks
from shared.domains import Directory
from shared.ids import batch_id, delivery_id
from shared.notifying import Announcer
from shared.outcome import Outcome, State, encode_lines
from shared.provision import add_domain
from shared.stage import Failure, Stage, Wake, run
from shared.store.base import Store, list_all
from shared.store.memory import MemoryStore
from shared.sweep import release_due
from shared.webhook_log import WebhookAttempt
from shared.webhooks import Webhook, WebhookChange

DOMAIN = "example.org"
START = 1_800_000_000.0
BATCH = batch_id(START, bytes(10))
LOOSE = {"webhooks.allow_insecure": "on", "webhooks.allow_private": "on"}


def outcome(n: int, state: State, **more: Any) -> Outcome:
    delivery = delivery_id(BATCH, 0, n)
    return Outcome(
        delivery=delivery, recipient=f"r{n}@sink.example", outcome=state, at=START, **more
    )


def delivered(count: int, first: int = 0) -> list[Outcome]:
    return [outcome(n, State.DELIVERED, code=250) for n in range(first, first + count)]


@dataclass
class World:
    """All that outlives a process."""

    options: Mapping[str, str]
    now: float = START
    store: Store = field(init=False)
    between: Callable[[Store], Store] = lambda store: store

    def __post_init__(self) -> None:
        self.store = MemoryStore(lambda: self.now)

    def clock(self) -> float:
        return self.now

    @property
    def rules(self) -> webhooks.Rules:
        return webhooks.rules_of(config.load(environ={}, flags=dict(self.options)))

    async def webhook(self, url: str, **wanted: Any) -> Webhook:
        change = WebhookChange(url=url, **wanted)
        return await webhooks.add(self.store, DOMAIN, change, self.rules, self.now)

    async def record(self, webhook: Webhook) -> Webhook:
        return await webhooks.load(self.store, DOMAIN, webhook.id)

    async def happened(self, *outcomes: Outcome, bag: int = 0, attempt: int = 0) -> list[Wake]:
        """Record Outcomes, and announce them as `send` does."""
        source = keys.outcomes_of_attempt(BATCH, bag, attempt)
        await self.store.put(keys.outcome_part(BATCH, bag, attempt, 0), encode_lines(outcomes))
        words = {str(each.outcome) for each in outcomes}
        return await self.announcer.announce(DOMAIN, source, words, self.now)

    @property
    def announcer(self) -> Announcer:
        return Announcer(self.store, Directory(self.store, self.clock))

    async def content(self, *tags: str) -> None:
        content = content_of(BATCH, DOMAIN, START, tags=list(tags))
        await self.store.put(keys.content(BATCH), msgspec.json.encode(content))

    async def keys(self, prefix: str = "") -> list[str]:
        return [entry.key async for entry in list_all(self.store, prefix)]

    async def work(self) -> list[str]:
        return await self.keys(keys.NOTIFYING)

    async def waiting(self) -> list[float]:
        """In how many seconds what waits is due."""
        return [keys.parse_waiting(key)[0] - self.now for key in await self.keys(keys.WAITING)]

    async def failures(self) -> list[Failure]:
        found = await self.keys(keys.FAILED)
        bodies = [(await self.store.get(key)).body for key in found]
        return [msgspec.json.decode(body, type=Failure) for body in bodies]

    async def log(self) -> list[WebhookAttempt]:
        decode = msgspec.json.Decoder(WebhookAttempt).decode_lines
        found = sorted(await self.keys("calls/"))
        return [line for key in found for line in decode((await self.store.get(key)).body)]


@dataclass
class Here(World):
    """And a process."""

    stage: Stage = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.begin()

    def begin(self, between: Callable[[Store], Store] = lambda store: store) -> None:
        """A new process, which remembers nothing."""
        settings = config.load(environ={}, flags=dict(self.options))
        self.through = between(self.store)
        directory = Directory(self.through, self.clock)
        self.stage, self.endpoints = assemble.stage(
            settings, self.through, directory, self.clock, self.clock
        )

    async def do(self, key: str) -> None:
        await run(self.stage, self.through, self.clock, Wake(key))

    async def settle(self) -> None:
        while found := await self.work():
            for key in found:
                await self.do(key)

    async def later(self, after_s: float) -> None:
        """So much time passes; then what is due is done."""
        self.now += after_s
        async for _ in release_due(self.through, self.now):
            pass
        await self.settle()


@asynccontextmanager
async def notify_world(**options: str) -> AsyncIterator[Here]:
    given = LOOSE | {name.replace("__", "."): value for name, value in options.items()}
    here = Here(given)
    await add_domain(here.store, DOMAIN, ["ed25519-sha256"], START)
    try:
        yield here
    finally:
        here.endpoints.close()
