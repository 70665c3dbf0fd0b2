"""What outlives a process, and processes that die in it at any write.

A `World` is what a kill -9 leaves: the bucket, the mail server, the time. A `Process` is one
`ekiden serve` without its sockets: the HTTP face, the stages, the relay. It goes by the World's
clock and draws no random number, so that two runs of one story write the same bytes.

    async with world() as here:
        async with process(here, die_at=7, when="before") as first:
            await first.call("POST", "/v1/batches", BATCH)
            await first.settle()                            # raises Died
        async with process(here) as second:
            await second.settle()
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from secrets import randbits
from typing import Any, Literal, TypeVar

from station import BATCH, DOMAIN, Answer, answer_of, as_body

from ekiden.relay import AT_ONCE, AtOnce, Relay
from ekiden.sink import Sink
from functions.dispatch import job
from functions.dispatch import stage as dispatch
from functions.send import assemble
from functions.send import stage as send
from functions.send.journal import JournalTurns
from functions.send.settings import SendSettings
from functions.send.transmit import Transmitter
from functions.submit import inbox
from functions.submit.routes import SubmitFace
from functions.submit.submit import Submit
from functions.validate import stage as validate
from shared import config, keys
from shared.domains import Directory
from shared.http import Request
from shared.notifying import Announcer
from shared.outcome import Outcome, decode_lines
from shared.provision import add_api_key, add_domain
from shared.stage import Stage, Wake
from shared.stage import run as run_stage
from shared.store.base import Store, list_all
from shared.store.memory import MemoryStore
from shared.store.wrap import Died, FaultStore, Wrapper
from shared.suppressions import Suppressions
from shared.watch import Watch

T = TypeVar("T")
When = Literal["before", "after"]

Refuse = Callable[[str, float], str | None]
"""(recipient, time) → a reply such as "450 4.2.0 greylisted", or None."""

Script = Callable[[str, str, Callable[[], Awaitable[Any]]], Awaitable[Any]]

START = 1_800_000_000.0
"""2027-01-15T08:00:00Z"""
LEASE_S = 60.0
LEASE_OVER_S = 70.0
"""Then anybody may take it over, whatever the clocks say."""
BAG_SIZE = 3
FLUSH_OUTCOMES = 2
HURRY_S = 30
"""How long a story may take before it counts as hanging."""


def run(story: Awaitable[T]) -> T:
    """Run an async story to its end, or fail when it hangs."""

    async def bounded() -> T:
        # The dead leave tasks and timers that find no store: that is what being dead is.
        asyncio.get_running_loop().set_exception_handler(_but_for_the_dead)
        return await asyncio.wait_for(story, HURRY_S)

    return asyncio.run(bounded())


def _but_for_the_dead(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not isinstance(context.get("exception"), Died):
        loop.default_exception_handler(context)


def seeded_random() -> Random:
    """For one test; EKIDEN_TEST_SEED repeats a run."""
    seed = int(os.environ.get("EKIDEN_TEST_SEED", 0)) or randbits(32)
    print(f"EKIDEN_TEST_SEED={seed}")
    return Random(seed)


async def _provision() -> tuple[dict[str, bytes], str]:
    """A Domain that signs with Ed25519, and an API key of it."""
    store = MemoryStore()
    await add_domain(store, DOMAIN, ["ed25519-sha256"], START)
    api_key = await add_api_key(store, DOMAIN, "test", START)
    objects = {each.key: (await store.get(each.key)).body async for each in list_all(store, "")}
    return objects, api_key


PROVISIONED, API_KEY = asyncio.run(_provision())


@dataclass
class World:
    """The bucket, the mail server, the time."""

    store: MemoryStore = field(init=False)
    sink: Sink = field(init=False)
    port: int = 0
    now: float = START

    def clock(self) -> float:
        return self.now

    def at(self, offset_s: float) -> None:
        """It is (at least) this long after the start."""
        self.now = max(self.now, START + offset_s)

    async def put(self, objects: Mapping[str, bytes]) -> None:
        for key, body in objects.items():
            await self.store.put(key, body)

    async def keys(self, *prefixes: str) -> list[str]:
        return [entry.key for prefix in prefixes async for entry in list_all(self.store, prefix)]

    async def open_work(self) -> list[str]:
        return await self.keys(*keys.WORK, keys.WAITING, keys.LEASES)

    async def outcomes(self) -> list[Outcome]:
        """Every line that is recorded, as the keys sort."""
        parts = [key for key in await self.keys("batches/") if "/outcomes/" in key]
        return [line for key in parts for line in decode_lines((await self.store.get(key)).body)]

    def received(self) -> Counter[tuple[str, bytes]]:
        """(recipient, message) → how often the mail server took it."""
        return Counter((each.recipient, each.message) for each in self.sink.received)


@asynccontextmanager
async def world(refuse: Refuse = lambda recipient, now: None) -> AsyncIterator[World]:
    here = World()
    here.store = MemoryStore(here.clock)
    await here.put(PROVISIONED)
    here.sink = Sink(lambda recipient, _: refuse(recipient, here.now))
    here.port = await here.sink.start()
    try:
        yield here
    finally:
        await here.sink.close()


class MortalStore(FaultStore):
    """Tells when it dies."""

    def __init__(self, inner: Store, die_at: int | None, when: When) -> None:
        super().__init__(inner, die_at, when)
        self.died = asyncio.Event()

    async def _pass_on(self, op: str, key: str, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await super()._pass_on(op, key, call)
        except Died:
            self.died.set()
            raise


class ScriptedStore(Wrapper):
    """Does with each call what the script says: `await script(op, key, call)`."""

    def __init__(self, inner: Store, script: Script) -> None:
        super().__init__(inner)
        self._script = script

    async def _pass_on(self, op: str, key: str, call: Callable[[], Awaitable[T]]) -> T:
        done: T = await self._script(op, key, call)
        return done


class Process:
    """All stages over one store, under one relay."""

    def __init__(
        self,
        here: World,
        store: MortalStore,
        through: Store,
        one_by_one: bool = False,
        **settings: Any,
    ) -> None:
        self.world = here
        self.store = store
        self.through = through
        self.submit = Submit(through, here.clock, lambda: bytes(10))
        self.transmitter = transmitter(here.port, through)
        self.stages = self._stages(**settings)
        at_once = dict.fromkeys(AT_ONCE, AtOnce(1, 1) if one_by_one else AtOnce(4, 1))
        self.relay = Relay(through, here.clock, self.stages.values(), at_once)
        self.face = SubmitFace(self.submit, Watch(), self.relay.wake)

    def _stages(
        self,
        owner: str = "this process",
        lease_s: float = LEASE_S,
        bag_size: int = BAG_SIZE,
        flush_outcomes: int = FLUSH_OUTCOMES,
        journal: JournalTurns | None = None,
    ) -> dict[str, Stage]:
        """Every stage by its name, rendering here."""
        store, clock = self.through, self.world.clock
        directory = Directory(store, clock)
        suppressions = Suppressions(store, directory)
        settings = SendSettings(
            owner,
            lease_s=lease_s,
            flush_outcomes=flush_outcomes,
            journal=journal,
            announcer=Announcer(store, directory),
        )
        made = [
            inbox.stage(self.submit),
            validate.stage(store, clock, suppressions, bag_size),
            dispatch.stage(store, directory, suppressions, job.render_here),
            send.stage(store, clock, Watch(), self.transmitter, settings),
        ]
        return {stage.name: stage for stage in made}

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request of an app. Header names are given with `_` for `-`."""
        sent = {"authorization": f"Bearer {API_KEY}"}
        sent |= {name.replace("_", "-").lower(): value for name, value in headers.items()}
        return answer_of(await self.face.handle(Request(method, path, sent, as_body(body))))

    async def do(self, event: Wake) -> Sequence[Wake]:
        """Have the right stage do this one piece of work, without the relay."""
        stage = self.stages[keys.stage_of(event.key) or ""]
        return await run_stage(stage, self.through, self.world.clock, event)

    async def settle(self) -> None:
        """Sweep, and return when nothing is left to do here. Raises `Died`."""
        await self.relay.sweep(0)
        idle = asyncio.create_task(self.relay.idle())
        died = asyncio.create_task(self.store.died.wait())
        await asyncio.wait({idle, died}, return_when=asyncio.FIRST_COMPLETED)
        if self.store.dead:
            raise Died
        died.cancel()


def transmitter(port: int, store: Store) -> Transmitter:
    given = {"send.route": f"smtp://127.0.0.1:{port}", "send.starttls": "off"}
    given["send.hostname"] = "station.invalid"
    return assemble.transmitter(config.load(environ={}, flags=given), store)


TWELVE: dict[str, Any] = {
    **BATCH,
    "recipients": [
        {"email": f"r{n:02d}@sink.example", "fields": {"name": str(n)}} for n in range(12)
    ],
}


async def dispatched_bag(here: World) -> Wake:
    """Twelve mails in one Bag, rendered, not sent."""
    async with process(here, bag_size=12) as first:
        answer = await first.call("POST", "/v1/batches", TWELVE)
        assert answer.status == 202
        for prefix in (keys.SUBMITTED, keys.VALIDATED):
            (key,) = await here.keys(prefix)
            await first.do(Wake(key))
    (key,) = await here.keys(keys.DISPATCHED)
    return Wake(key)


@asynccontextmanager
async def process(
    here: World,
    die_at: int | None = None,
    when: When = "before",
    between: Callable[[Store], Store] = lambda store: store,
    **settings: Any,
) -> AsyncIterator[Process]:
    """A process that ends with the context as by a kill -9. Leases it finds are of the dead: it
    comes when they have ended. `between` may put a store of the test's own in between."""
    if await here.keys(keys.LEASES):
        here.now += LEASE_OVER_S
    job._prepared.cache_clear()  # a new process remembers nothing
    others = asyncio.all_tasks()
    store = MortalStore(here.store, die_at, when)
    alive = Process(here, store, between(store), **settings)
    alive.relay.start()
    try:
        yield alive
    finally:
        store.dead = True
        tasks = asyncio.all_tasks() - others
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(Died):
            await alive.transmitter.close()  # the system closes the sockets of the dead
