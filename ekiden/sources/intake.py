"""What one source brings in: so many messages at once, each answered when all in it is done."""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar

from ekiden.sources.answer import Answer, Verdict, worst
from ekiden.sources.delivery import NOBODY, Delivery
from shared import keys
from shared.errors import Malformed, Temporary
from shared.events import Event, Scope, parse
from shared.stage import Wake
from shared.together import together

log = logging.getLogger("ekiden.sources")

T = TypeVar("T")
SHOWN_BYTES = 200
"""Of a message that is no event, in the log."""


class SourceAway(Temporary):
    """A source does not answer, or refuses us. It is asked again after a pause."""


class Places:
    """How many messages one source may have under way."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._news = asyncio.Event()

    async def take(self, at_most: int = 1) -> int:
        """Wait for a free place; return how many were taken."""
        while not self._free:
            self._news.clear()
            await self._news.wait()
        taken = min(self._free, at_most)
        self._free -= taken
        return taken

    def give_back(self, number: int = 1) -> None:
        self._free += number
        self._news.set()


class Intake:
    """Reads messages, keeps what concerns us, has it delivered, and counts.

    `counts`: `received` messages, and what they were answered: `done`, `again`, `never`. Events in
    them that reach no stage: `dropped_<reason>`.
    """

    def __init__(self, name: str, delivery: Delivery, scope: Scope, max_in_flight: int) -> None:
        self.name = name
        self.counts: Counter[str] = Counter()
        self.state = "not connected yet"
        """`ok`, or why it brings nothing."""
        self.max_in_flight = max_in_flight
        """Messages; and of each stage, work objects: one that hangs holds up no other."""
        self.places = Places(max_in_flight)
        self._of_stage: dict[str, asyncio.Semaphore] = {}
        self._delivery = delivery
        self._scope = scope
        self._tasks: set[asyncio.Task[Any]] = set()

    def up(self) -> None:
        """The source answers."""
        if self.state != "ok":
            log.info("%s: connected", self.name)
        self.state = "ok"

    def down(self, reason: str) -> None:
        """It does not. Said once for each reason."""
        if self.state != reason:
            log.warning("%s brings nothing: %s", self.name, reason)
        self.state = reason

    async def take(self, body: bytes, headers: Mapping[str, str] = {}) -> Answer:
        """One message, in any format that `shared/events` reads."""
        try:
            events = parse(body, headers)
        except Malformed as error:
            self.counts.update(("received", Verdict.NEVER, "dropped_no_event"))
            log.warning("%s: %s; it began with %r", self.name, error, body[:SHOWN_BYTES])
            return Answer(Verdict.NEVER, why=str(error))
        return await self.take_events(events)

    async def take_events(self, events: list[Event]) -> Answer:
        """What one message told of."""
        return await self.take_keys(self.work_of(events))

    def work_of(self, events: list[Event]) -> list[Wake]:
        """What concerns us. Only the keys count: an object that rode along is read."""
        work, dropped = self._scope.sort(events)
        for reason, number in dropped.items():
            self.counts[f"dropped_{reason}"] += number
        return [Wake(key, size_bytes=event.size_bytes or 0) for key, event in work.items()]

    async def take_keys(self, wakes: list[Wake]) -> Answer:
        self.counts["received"] += 1
        by_stage: dict[str, list[Wake]] = defaultdict(list)
        for wake in wakes:
            by_stage[keys.stage_of(wake.key) or ""].append(wake)
        found = await together(self._deliver(*each) for each in by_stage.items())
        answers = [answer for those in found for answer in those]
        self.counts["dropped_nobody"] += sum(answer is NOBODY for answer in answers)
        answer = worst(answers)
        self.counts[answer.verdict] += 1
        return answer

    async def _deliver(self, stage: str, wakes: list[Wake]) -> list[Answer]:
        """One message may tell of thousands: no more are begun than the stage has places."""
        places = self._of_stage.setdefault(stage, asyncio.Semaphore(self.max_in_flight))
        waiting, answers = iter(wakes), list[Answer]()

        async def one_by_one() -> None:
            for wake in waiting:
                async with places:
                    answers.append(await self._delivery.deliver(wake))

        await together(one_by_one() for _ in range(min(len(wakes), self.max_in_flight)))
        return answers

    # Tasks: all that is under way, so that a stop can wait for it.

    def start(self, handling: Coroutine[Any, Any, object], places: "Places | None" = None) -> None:
        """Begin to handle a message, whose place is taken already: one of `self.places` if none
        are named."""
        self.track(self._in_its_place(handling, places or self.places))

    def track(self, handling: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        task = asyncio.create_task(handling)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _in_its_place(self, handling: Coroutine[Any, Any, object], places: Places) -> None:
        try:
            await handling
        except SourceAway as error:
            log.warning("%s: not acknowledged, so it comes again: %s", self.name, error)
        except Exception:
            log.exception("%s: a message was not handled", self.name)
        finally:
            handling.close()  # if it was cancelled before it began
            places.give_back()

    async def drain(self, patience_s: float) -> None:
        """Wait for what is under way; leave unacknowledged what takes longer."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=patience_s)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def attended(
    work: Awaitable[T], every_s: float, still_here: Callable[[], Awaitable[None]]
) -> T:
    """Wait for `work`, and say meanwhile that nobody else need begin it."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=every_s))[0]:
            try:
                await still_here()
            except SourceAway as error:  # then another may begin it: that is harmless
                log.warning("cannot keep a message to ourselves: %s", error)
        return task.result()
    finally:
        task.cancel()
