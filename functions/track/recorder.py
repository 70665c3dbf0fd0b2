"""Events on their way to the bucket: those that come together are stored as one object.

An event is answered when it is stored. A write is shared by all that come within `group_s` from
the first one. What goes wrong for one Domain goes wrong for no other.
"""

import asyncio
import secrets
from collections.abc import Callable

from shared import feedback, keys
from shared.errors import Temporary
from shared.feedback import Event
from shared.ids import batch_id
from shared.notifying import STORED_WITHIN_S, Announcer
from shared.stage import Clock, Wake, write_once
from shared.store.base import Store
from shared.together import together

MOST_WAITING = 20_000
"""Events that are not stored yet; more are not taken."""
PATIENCE_S = 5.0
"""So long does a reader wait for the store. The write goes on."""

_Waiting = tuple[Event, "asyncio.Future[None]"]
_Place = tuple[str, str]
"""A Domain and a day: what is stored as one object."""


class TooMany(Temporary):
    """More events came than the store takes."""


class TooSlow(Temporary):
    """The store has not answered yet: nobody knows whether the event is stored."""


class Recorder:
    """Stores events by Domain and day."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        group_s: float,
        announcer: Announcer | None = None,
        wake: Callable[[Wake], None] = lambda _: None,
    ) -> None:
        """`announcer` has Webhooks told; `wake` hears of the work that comes of it."""
        self._store = store
        self._announcer = announcer
        self._wake = wake
        self._clock = clock
        self._group_s = group_s
        self._waiting: dict[_Place, list[_Waiting]] = {}
        self._unstored = 0

    async def record(self, domain: str, event: Event) -> None:
        """Return when it is stored. Raises `Temporary`."""
        if self._unstored >= MOST_WAITING:
            raise TooMany
        loop = asyncio.get_running_loop()
        if not self._waiting:
            # Counted from now: the task begins behind all that is ready to run.
            task = loop.create_task(self._write_at(loop.time() + self._group_s))
            task.add_done_callback(_seen)
        # Each waits for a future of its own: one reader who goes away takes no others' write along.
        stored = loop.create_future()
        self._waiting.setdefault((domain, keys.day(event.at)), []).append((event, stored))
        self._unstored += 1
        await stored

    async def _write_at(self, due: float) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(due - loop.time())
        waiting, self._waiting = self._waiting, {}
        name = batch_id(self._clock(), secrets.token_bytes(10))
        late = loop.call_later(PATIENCE_S, _let_go, list(waiting.values()))
        try:
            await together(
                self._settle(domain, name, group) for (domain, _), group in waiting.items()
            )
        finally:
            late.cancel()

    async def _settle(self, domain: str, name: str, group: list[_Waiting]) -> None:
        """Write the events of one Domain and day, and tell those who wait what became of it."""
        try:
            await self._write(domain, name, [event for event, _ in group])
        except BaseException as error:
            _tell(group, error)
            raise
        else:
            _tell(group, None)
        finally:
            self._unstored -= len(group)

    async def _write(self, domain: str, name: str, events: list[Event]) -> None:
        source = keys.event(domain, events[0].at, name)
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            # First: what is stored was announced. Died behind it: `notify` drops what never came.
            announced = await self._announce(domain, source, events)
        finally:
            # Also when nobody can be told: it counts, and who waits hears of the error.
            await write_once(self._store, source, feedback.encode_lines(events))
        if loop.time() - began > STORED_WITHIN_S / 2:  # `notify` may have given it up
            announced = await self._announce(domain, source, events)
        for each in announced:
            self._wake(each)

    async def _announce(self, domain: str, source: str, events: list[Event]) -> list[Wake]:
        if self._announcer is None:
            return []
        kinds = {event.kind for event in events}
        return await self._announcer.announce(domain, source, kinds, self._clock())


def _tell(group: list[_Waiting], error: BaseException | None) -> None:
    """Those who still wait."""
    for _, stored in group:
        if stored.done():
            continue
        if error is None:
            stored.set_result(None)
        else:
            stored.set_exception(error)


def _let_go(groups: list[list[_Waiting]]) -> None:
    for group in groups:
        _tell(group, TooSlow())


def _seen(task: "asyncio.Task[None]") -> None:
    """Whoever waits was told of the error; nobody else has to be."""
    if not task.cancelled():
        task.exception()
