"""A thread that runs all waiting calls as one group: one commit and one wake-up per group.

The queue fills while a group runs, so the busier the store is, the larger the next group. The
thread and its event loops meet twice per group, not twice per call: every meeting hands the
interpreter lock over, which costs more than the SQL does.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

Op = TypeVar("Op")
OpIn = TypeVar("OpIn", contravariant=True)
Future: TypeAlias = "asyncio.Future[Any]"
Queue: TypeAlias = "SimpleQueue[list[tuple[Any, Future]]]"  # (op, its future); op None: stop
Settled: TypeAlias = list[tuple[Future, Any]]  # of (future, result)


class Runner(Protocol[OpIn]):
    """What a thread runs, made by it and used by no other."""

    def run(self, ops: Sequence[OpIn]) -> Sequence[object]:
        """One result per op, in their order. An exception as a result is raised to its caller."""

    def close(self) -> None:
        """Let go of everything."""


class GroupThread(Generic[Op]):
    """Takes calls from any event loop; starts with the first one, and again after a `stop`.

    Started at the first call and not before: a fork (gunicorn's) would leave the thread behind.
    """

    def __init__(self, name: str, make_runner: Callable[[], Runner[Op]]) -> None:
        self._name = name
        self._make_runner = make_runner
        self._queue: Queue | None = None
        self._starting = threading.Lock()
        self._fresh: dict[asyncio.AbstractEventLoop, list[tuple[Any, Future]]] = {}

    def submit(self, op: Op) -> Future:
        """Queue `op` for the next group, together with all calls of this turn of the loop."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        fresh = self._fresh.get(loop)
        if fresh is None:
            fresh = self._fresh[loop] = []
            loop.call_soon(self._pass_on, loop)
        fresh.append((op, future))
        return future

    def _pass_on(self, loop: asyncio.AbstractEventLoop) -> None:
        calls = self._fresh.pop(loop, None)
        if calls:
            (self._queue or self._start()).put(calls)

    async def stop(self) -> None:
        """End the thread when everything queued before is done."""
        loop = asyncio.get_running_loop()
        self._pass_on(loop)
        with self._starting:
            queue, self._queue = self._queue, None
        if queue is not None:
            stopped = loop.create_future()
            queue.put([(None, stopped)])
            await stopped

    def _start(self) -> Queue:
        with self._starting:
            if self._queue is None:
                self._queue = SimpleQueue()
                # A daemon: an exit without `stop` loses nothing that was acknowledged.
                threading.Thread(
                    target=self._serve, args=(self._queue,), name=self._name, daemon=True
                ).start()
            return self._queue

    def _serve(self, queue: Queue) -> None:
        runner = self._make_runner()
        stopping = False
        while not stopping:
            group = _take_all(queue)
            calls = [(op, future) for op, future in group if op is not None]
            if calls:
                results = runner.run([op for op, _ in calls])
                _hand_back([(call[1], result) for call, result in zip(calls, results, strict=True)])
            stopping = len(calls) < len(group)
        runner.close()
        _hand_back([(future, None) for op, future in group if op is None])


def _take_all(queue: Queue) -> list[tuple[Any, Future]]:
    """Wait for one call, then take every other that is there."""
    group = queue.get()
    with suppress(Empty):
        while True:
            group += queue.get_nowait()
    return group


def _hand_back(settled: Settled) -> None:
    """Wake every event loop once, with all of its results."""
    by_loop: dict[asyncio.AbstractEventLoop, Settled] = {}
    for pair in settled:
        by_loop.setdefault(pair[0].get_loop(), []).append(pair)
    for loop, pairs in by_loop.items():
        with suppress(RuntimeError):  # the loop has closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, pairs)


def _settle(pairs: Settled) -> None:
    for future, result in pairs:
        if future.done():  # its task was cancelled
            continue
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
