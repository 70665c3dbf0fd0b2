"""A stage that a test holds in its hand, and what is needed to feed it.

stage = HandStage()
intake = stage.intake("sqs")
… the source brings a key …
await stage.begun(key)          # the stage works on it, and says nothing yet
stage.end(key, DONE)            # it answers
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from ekiden.sources.answer import DONE, Answer, Verdict
from ekiden.sources.delivery import Delivery
from ekiden.sources.feed import Source, keep
from ekiden.sources.intake import Intake
from shared import keys
from shared.events.scope import Scope
from shared.stage import Wake

T = TypeVar("T")
WAIT_S = 60
KEY = "validated/01hf7yat00zzzzzzzzzzzzzzzz/0000.json"
AGAIN = Answer(Verdict.AGAIN, why="the stage is busy")
AT_ONCE = Answer(Verdict.AGAIN, after_s=0.0, why="the stage is busy")
NEVER = Answer(Verdict.NEVER, why="it can never be done")


class HandStage:
    """All stages at once: each piece of work waits for the test's answer."""

    def __init__(self, answers_at_once: Answer | None = None) -> None:
        self.given: list[str] = []
        """Every key that was handed over, in that order."""
        self._at_once = answers_at_once
        self._open: dict[str, asyncio.Future[Answer]] = {}
        self._news = asyncio.Condition()
        self.delivery = Delivery(dict.fromkeys(keys.WORK.values(), self._work))

    async def _work(self, wake: Wake) -> Answer:
        self.given.append(wake.key)
        if not self._at_once:
            answer = self._open[wake.key] = asyncio.get_running_loop().create_future()
        async with self._news:
            self._news.notify_all()
        return self._at_once or await answer

    async def given_times(self, number: int) -> None:
        """Wait until so many keys were handed over, the same one counted each time."""
        async with self._news:
            await soon(self._news.wait_for(lambda: len(self.given) >= number))

    async def begun(self, *wanted: str) -> None:
        """Wait until all these keys were handed over."""
        async with self._news:
            await soon(self._news.wait_for(lambda: set(wanted) <= set(self.given)))

    def end(self, key: str, answer: Answer = DONE) -> None:
        self._open[key].set_result(answer)
        del self._open[key]

    def end_all(self, answer: Answer = DONE) -> None:
        """What it works on, and from now on everything at once."""
        self._at_once = answer
        for key in list(self._open):
            self.end(key, answer)

    def intake(self, name: str = "test", max_in_flight: int = 64, bucket: str = "") -> Intake:
        return Intake(name, self.delivery, Scope("", bucket), max_in_flight)


async def soon(waiting: Awaitable[T]) -> T:
    return await asyncio.wait_for(waiting, WAIT_S)


async def until(look: Callable[[], Any]) -> None:
    """Wait until a server elsewhere shows it: asked again and again, nothing tells us."""

    def shown() -> Any:
        with suppress(OSError):  # it is not there yet
            return look()

    async def asking() -> None:
        while not await asyncio.to_thread(shown):
            await asyncio.wait({never}, timeout=0.02)

    never = asyncio.get_running_loop().create_future()
    await soon(asking())


@asynccontextmanager
async def fed(intake: Intake, source: Source) -> AsyncIterator[None]:
    """The source runs while the context lasts, and then stops in order."""
    task = asyncio.create_task(keep(intake, source))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await intake.drain(0)
        await source.close()


def run(story: Callable[[], Awaitable[None]]) -> None:
    """Run an async story to its end, or fail when it hangs."""

    async def bounded() -> None:
        await asyncio.wait_for(story(), 2 * WAIT_S)

    asyncio.run(bounded())
