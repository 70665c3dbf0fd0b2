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


_Waiting = tuple[str, Event, "asyncio.Future[None]"]


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
        self._waiting: list[_Waiting] = []

    async def record(self, domain: str, event: Event) -> None:
        """Return when it is stored. Raises `Temporary`."""
        if len(self._waiting) >= MOST_WAITING:
            raise TooMany
        loop = asyncio.get_running_loop()
        if not self._waiting:
            # Counted from now: the task begins behind all that is ready to run.
            task = loop.create_task(self._write_at(loop.time() + self._group_s))
            task.add_done_callback(_seen)
        # Each waits for a future of its own: one reader who goes away takes no others' write along.
        stored = loop.create_future()
        self._waiting.append((domain, event, stored))
        await stored

    async def _write_at(self, due: float) -> None:
        await asyncio.sleep(due - asyncio.get_running_loop().time())
        waiting, self._waiting = self._waiting, []
        try:
            await self._write([(domain, event) for domain, event, _ in waiting])
        except BaseException as error:
            for _, _, stored in waiting:
                if not stored.done():
                    stored.set_exception(error)
            raise
        for _, _, stored in waiting:
            if not stored.done():
                stored.set_result(None)

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
