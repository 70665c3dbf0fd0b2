"""Events on their way to the bucket: those that come together are stored as one object.

An event is answered when it is stored. A write is shared by all that come within `group_s` from
the first one.
"""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Callable

from shared import feedback, keys
from shared.errors import Temporary
from shared.feedback import Event
from shared.ids import batch_id
from shared.notifying import Announcer
from shared.stage import Clock, Wake
from shared.store.base import Store
from shared.together import together

MOST_WAITING = 20_000
"""Events in memory; more are not taken."""


class TooMany(Temporary):
    """More events came than the store takes."""


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
        self._waiting: list[tuple[str, Event]] = []
        self._written: asyncio.Future[None] | None = None

    async def record(self, domain: str, event: Event) -> None:
        """Return when it is stored. Raises `Temporary`."""
        if len(self._waiting) >= MOST_WAITING:
            raise TooMany
        self._waiting.append((domain, event))
        if self._written is None:
            self._written = asyncio.get_running_loop().create_future()
            task = asyncio.create_task(self._write_soon(self._written))
            task.add_done_callback(_seen)
        # Shielded: one reader who goes away must not take the others' write along.
        await asyncio.shield(self._written)

    async def _write_soon(self, written: "asyncio.Future[None]") -> None:
        await asyncio.sleep(self._group_s)
        events, self._waiting, self._written = self._waiting, [], None
        try:
            await self._write(events)
        except BaseException as error:
            written.set_exception(error)
            written.exception()  # all who waited may be gone
            raise
        written.set_result(None)

    async def _write(self, events: list[tuple[str, Event]]) -> None:
        now = self._clock()
        by_place: dict[tuple[str, str], list[Event]] = defaultdict(list)
        for domain, event in events:
            by_place[domain, keys.day(event.at)].append(event)
        name = batch_id(now, secrets.token_bytes(10))
        bodies = {
            keys.event(domain, each[0].at, name): feedback.encode_lines(each)
            for (domain, _), each in by_place.items()
        }
        await together(self._store.create(key, body) for key, body in bodies.items())
        if self._announcer is not None:
            await together(
                self._announce(self._announcer, domain, name, each)
                for (domain, _), each in by_place.items()
            )

    async def _announce(
        self, announcer: Announcer, domain: str, name: str, events: list[Event]
    ) -> None:
        """Died before: the events are there, and no Webhook hears of these."""
        source = keys.event(domain, events[0].at, name)
        kinds = {event.kind for event in events}
        for ready in await announcer.announce(domain, source, kinds, self._clock()):
            self._wake(ready)


def _seen(task: "asyncio.Task[None]") -> None:
    """Whoever waits was told of the error; nobody else has to be."""
    if not task.cancelled():
        task.exception()
