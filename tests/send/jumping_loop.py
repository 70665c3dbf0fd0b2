"""An event loop whose clock jumps to whatever is waited for next: hours pass at once, in order."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any


class _NeverWaiting(selectors.DefaultSelector):  # type: ignore[valid-type,misc]
    """Instead of waiting, moves the clock."""

    loop: "JumpingLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("everything waits, and nothing will ever happen")
        self.loop.now += timeout
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """`now` is its clock, in seconds. Nothing but timers may be waited for."""

    def __init__(self) -> None:
        selector = _NeverWaiting()
        selector.loop = self
        self.now = 0.0
        super().__init__(selector)

    def time(self) -> float:
        return self.now


Clock = Callable[[], float]


def run(story: Callable[[Clock], Coroutine[Any, Any, None]]) -> None:
    """Run a story; it gets the clock that jumps."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        loop = runner.get_loop()
        runner.run(story(loop.time))
