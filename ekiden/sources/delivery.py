"""From an event to its stage and back: what all sources share."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from ekiden.sources.answer import Answer, Verdict
from shared import keys
from shared.stage import Wake

log = logging.getLogger("ekiden.sources")

Way = Callable[[Wake], Awaitable[Answer]]
"""How a stage is told of a work object. The answer comes when the stage has dealt with it."""

NOBODY = Answer(Verdict.DONE, why="nobody")
"""Its stage is neither here nor has it a URL: the message is acknowledged, the sweep finds it."""


class Delivery:
    """Hands work objects to their stages. One that is under way is not handed over twice: who
    brings it meanwhile gets the same answer."""

    def __init__(self, ways: Mapping[str, Way]) -> None:
        """`ways`: stage → how it is reached."""
        self._ways = ways
        self._under_way: dict[str, asyncio.Task[Answer]] = {}
        self._missed: set[str] = set()

    @property
    def prefixes(self) -> list[str]:
        """Where the work of the stages lies that can be reached, the nearest to the end first."""
        return [prefix for prefix, stage in reversed(keys.WORK.items()) if stage in self._ways]

    def is_under_way(self, key: str) -> bool:
        return key in self._under_way

    async def deliver(self, wake: Wake) -> Answer:
        """Return when the stage has answered. Who is cancelled here stops nobody else."""
        stage = keys.stage_of(wake.key) or ""
        if stage not in self._ways:
            self._miss(stage)
            return NOBODY
        task = self._under_way.get(wake.key)
        if task is None:
            task = asyncio.create_task(self._hand_over(stage, wake))
            self._under_way[wake.key] = task
            task.add_done_callback(lambda _: self._under_way.pop(wake.key))
        return await asyncio.shield(task)

    async def _hand_over(self, stage: str, wake: Wake) -> Answer:
        try:
            answer = await self._ways[stage](wake)
        except Exception as error:
            log.exception("%s was not told of %s", stage, wake.key)
            return Answer(Verdict.AGAIN, why=str(error))
        if answer.verdict is not Verdict.DONE:
            level = logging.ERROR if answer.verdict is Verdict.NEVER else logging.INFO
            fields = {"stage": stage, "key": wake.key}
            log.log(level, "%s, %s: %s", wake.key, answer.verdict, answer.why, extra=fields)
        return answer

    def _miss(self, stage: str) -> None:
        if stage not in self._missed:
            self._missed.add(stage)
            log.warning(
                "events for %s reach nobody: it does not run here and has no URL in "
                "sweep.targets; the sweep has to find its work",
                stage,
            )

    async def stop(self) -> None:
        """Wait for no answer any more."""
        for task in list(self._under_way.values()):
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
