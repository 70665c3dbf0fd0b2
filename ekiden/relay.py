"""The relay in one process: wakes the stages for the work objects that were just written.

Each stage has two queues, each with so many runners: one for small work objects, of which many can
be under way (a mail on its own waits for the disk and for a server most of its time), one for
large ones, of which few fit into memory. A key that is queued or running is not queued again.
What fails is put back after a pause, which grows; after `max_redrives` it goes to `failed/`, unless
it only was the store that was away, or another who had the lease. Everything here may be lost at
any moment: the sweep finds the work again.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import NamedTuple, TypeAlias

from ekiden.memory import give_back
from shared import keys
from shared.counts import StageCounts
from shared.errors import Busy, NotFound, StoreUnavailable
from shared.stage import Clock, Stage, Wake, fail, run
from shared.store.base import Store
from shared.sweep import Refused, drop_orphaned_leases, forgotten, passing_over, release_due

log = logging.getLogger("ekiden.relay")

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0
LONGEST_BUSY_PAUSE_S = 5.0
"""Who holds the lease may have been killed: it ends soon."""
FRESH_S = 5.0
"""What has queued for longer may have been done by another process, which found it by its sweep."""
NOBODYS_FAULT = (Busy, StoreUnavailable)
"""These do not count as tries. A store that is away is away for all: its return must not find
everything that was open under `failed/`."""


class AtOnce(NamedTuple):
    """How many work objects of a stage are under way at the same time."""

    small: int
    large: int


AT_ONCE = {
    "submit": AtOnce(8, 2),
    "validate": AtOnce(16, 1),
    "dispatch": AtOnce(16, 4),
    "bounce": AtOnce(4, 1),
    "notify": AtOnce(1000, 10),
    "send": AtOnce(1000, 1000),
}
"""Of `send` and `notify` so many that slow servers hold up nobody; the room in memory bounds the
first, and each Webhook its own share of the second."""
_Queue: TypeAlias = "asyncio.Queue[Wake | None]"


@dataclass(slots=True)
class SweepCounts:
    """What the sweep of this process has done."""

    done: int = 0
    failed: int = 0
    """Sweeps, not work; also those to which a part of the store was refused."""
    released: int = 0
    woken: int = 0
    last_at: float = 0.0
    """When one was done, in seconds since 1970; 0: never."""


class Relay:
    """Runs stages of this process over one store."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        stages: Iterable[Stage],
        at_once: Mapping[str, AtOnce] = AT_ONCE,
        max_redrives: int = 5,
        chance: Random | None = None,
    ) -> None:
        """`chance` shuffles what the sweep finds: of two processes that look at the same moment,
        each then begins somewhere else, and finds done what the other has done. None: as listed.
        """
        self._store = store
        self._clock = clock
        self._stages = {stage.name: stage for stage in stages}
        self._queues: dict[tuple[str, bool], _Queue] = {
            (name, large): asyncio.Queue() for name in self._stages for large in (False, True)
        }
        self._at_once = at_once
        self._max_redrives = max_redrives
        self._chance = chance
        self._known: dict[str, float] = {}  # key → when it was woken
        self._tries: dict[str, int] = {}
        self._pauses: dict[str, int] = {}
        self._ends: dict[str, asyncio.Future[bool]] = {}  # key → who waits for its end
        self._runners: list[asyncio.Task[None]] = []
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()
        self.sweeps = SweepCounts()

    @property
    def open_work(self) -> int:
        """How many work objects are queued or running here."""
        return len(self._known)

    @property
    def oldest_s(self) -> float:
        """For how long the oldest of them has been here."""
        return max(0.0, self._clock() - next(iter(self._known.values()), self._clock()))

    @property
    def counts(self) -> dict[str, StageCounts]:
        """What each stage has done here."""
        return {name: stage.counts for name, stage in self._stages.items()}

    @property
    def stages(self) -> frozenset[str]:
        """The stages that run here."""
        return frozenset(self._stages)

    def start(self) -> None:
        for (name, large), queue in self._queues.items():
            for _ in range(self._at_once[name][large]):
                self._runners.append(asyncio.create_task(self._run(self._stages[name], queue)))

    def wake(self, event: Wake) -> None:
        """Queue a work object, unless it is queued or running, or its stage runs elsewhere."""
        name = keys.stage_of(event.key)
        if name in self._stages and event.key not in self._known and not self._stopping:
            self._known[event.key] = self._clock()
            self._idle.clear()
            self._queues[name, event.is_large].put_nowait(event)

    async def finished(self, event: Wake) -> bool:
        """Wake it; return when nothing is left to do for it here: it is done, or under `failed/`.
        False if the relay stops before. Only for a stage that runs here."""
        self.wake(event)
        if self._stopping or event.key not in self._known:
            return False
        end = self._ends.get(event.key)
        if end is None:
            end = self._ends[event.key] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(end)

    async def _run(self, stage: Stage, queue: _Queue) -> None:
        while (event := await queue.get()) is not None:
            if self._clock() - self._known[event.key] > FRESH_S:
                event = Wake(event.key, size_bytes=event.size_bytes)  # is it still there?
            try:
                tries = self._tries.get(event.key, 0) + 1
                ready = await run(stage, self._store, self._clock, event, tries)
            except Exception as error:  # noqa: BLE001 - whatever it is, the runner goes on
                await self._again(stage, event, error)
                continue
            for following in ready:
                self.wake(following)
            self._forget(event.key)
            if stage.name == "validate" and event.is_large:
                give_back()

    async def _again(self, stage: Stage, event: Wake, error: Exception) -> None:
        """Queue it once more after a pause, or move it to `failed/` if that was too often."""
        if not isinstance(error, NOBODYS_FAULT):
            self._tries[event.key] = self._tries.get(event.key, 0) + 1
            if self._tries[event.key] > self._max_redrives:
                try:
                    await self._poison(stage, event, error)
                    return
                except Exception as still:  # noqa: BLE001 - also this is tried again
                    error = still
        level = logging.INFO if isinstance(error, Busy) else logging.WARNING
        log.log(level, "%s will be tried again: %s", event.key, error, extra={"stage": stage.name})
        pauses = self._pauses.get(event.key, 0)
        self._pauses[event.key] = pauses + 1
        longest_s = LONGEST_BUSY_PAUSE_S if isinstance(error, Busy) else LONGEST_PAUSE_S
        asyncio.get_running_loop().call_later(
            min(FIRST_PAUSE_S * 2 ** min(pauses, 10), longest_s),
            self._queues[stage.name, event.is_large].put_nowait,
            Wake(event.key, size_bytes=event.size_bytes),
        )

    async def _poison(self, stage: Stage, event: Wake, error: Exception) -> None:
        with suppress(NotFound):
            body = (await self._store.get(event.key)).body
            tries = self._tries[event.key]
            await fail(stage.name, self._store, self._clock, event.key, body, error, tries)
            stage.counts.results["failed"] += 1
        self._forget(event.key)

    def _forget(self, key: str) -> None:
        self._known.pop(key, None)
        self._tries.pop(key, None)
        self._pauses.pop(key, None)
        self._end(key, True)
        if not self._known:
            self._idle.set()

    def _end(self, key: str, done: bool) -> None:
        end = self._ends.pop(key, None)
        if end is not None:
            end.set_result(done)

    async def sweep(self, forgotten_after_s: float) -> None:
        """Wake what is due, and what was put longer than this ago and is still there.

        Raises `StoreRefused` only if the store lists nothing at all: one prefix stops no other.
        """
        refused: Refused = []
        try:
            await self._sweep(self._clock(), forgotten_after_s, refused)
        except Exception:
            self.sweeps.failed += 1
            raise
        if refused:
            self.sweeps.failed += 1
            return
        self.sweeps.done += 1
        self.sweeps.last_at = self._clock()

    async def _sweep(self, now: float, forgotten_after_s: float, refused: Refused) -> None:
        older_than = now - forgotten_after_s
        async for event in release_due(self._store, now, refused):
            self.sweeps.released += 1
            self.wake(event)
        found = [event async for event in forgotten(self._store, older_than, refused)]
        if len(refused) > len(keys.WORK):
            raise refused[0]
        if self._chance:
            self._chance.shuffle(found)
        for event in found:
            self.sweeps.woken += event.key not in self._known
            self.wake(event)
        with passing_over(refused, keys.LEASES):
            await drop_orphaned_leases(self._store, older_than)

    async def idle(self) -> None:
        """Return when nothing is queued or running."""
        await self._idle.wait()

    async def stop(self, patience_s: float = 30.0) -> None:
        """Begin nothing more, and finish what is running. What is queued stays in the store."""
        self._stopping = True
        for (name, large), queue in self._queues.items():
            while not queue.empty():
                queue.get_nowait()
            for _ in range(self._at_once[name][large]):
                queue.put_nowait(None)
        if self._runners:
            _, late = await asyncio.wait(self._runners, timeout=patience_s)
            for runner in late:
                runner.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for key in list(self._ends):
            self._end(key, False)
