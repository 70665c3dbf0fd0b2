"""How a stage runs: the same rules for all (design.md §3), written once.

A stage is a name and a coroutine `work(key, body)`. It reads like a paragraph: parse, load,
decide, write, report. This module adds what every stage needs around it:

- the work object is read, unless the event brought it along;
- work that is gone is done: an event may come twice, or late;
- a temporary error is raised, so that the platform redelivers;
- anything else moves the work to `failed/<stage>/`, whole, with its cause, and stops nobody else.
"""

import logging
import traceback
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from shared import keys, traces
from shared.counts import StageCounts
from shared.errors import AlreadyExists, NotFound, Temporary
from shared.room import Room
from shared.store.base import Object, Store

log = logging.getLogger("ekiden.stage")

Clock = Callable[[], float]
"""Seconds since 1970. Handed in, so that a test can stop the time."""


@dataclass(frozen=True, slots=True)
class Wake:
    """The key of a work object that was just written, and its body where it is small.

    It makes the relay fast within one process. Nothing rests on it: the sweep finds the object.
    """

    key: str
    body: bytes | None = None
    size_bytes: int = 0

    @property
    def is_large(self) -> bool:
        return self.size_bytes > CARRIED_BYTES


CARRIED_BYTES = 64 * 1024
"""Bodies above this are read again instead of being kept in memory while they queue."""


def wake(key: str, body: bytes) -> Wake:
    return Wake(key, body if len(body) <= CARRIED_BYTES else None, len(body))


@dataclass(frozen=True, slots=True)
class Stage:
    """One station of the relay."""

    name: str
    work: Callable[[str, bytes], Awaitable[Sequence[Wake]]]
    """Takes a work object's key and body; returns what it wrote for the next stage."""
    room: Room | None = None
    """Where many work objects may be under way: how much memory they may take."""
    counts: StageCounts = field(default_factory=StageCounts, compare=False)
    """What it has done in this process."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """`failed/<stage>/…`: work that a stage could not do. `key` and `body` bring it back."""

    stage: str
    key: str
    cause: str
    """The error's type."""
    message: str
    last_line: str
    """Where it was raised."""
    at: float
    tries: int
    body: bytes
    """The work object as it was, base 64 in JSON."""


async def run(
    stage: Stage, store: Store, clock: Clock, event: Wake, tries: int = 1
) -> Sequence[Wake]:
    """Do one piece of work; return what became ready for the next stage. Raises `Temporary`."""
    if stage.room is None:
        return await _run(stage, store, clock, event, tries)
    async with stage.room.of(event.key, event.size_bytes):
        return await _run(stage, store, clock, event, tries)


async def _run(stage: Stage, store: Store, clock: Clock, event: Wake, tries: int) -> Sequence[Wake]:
    body = event.body
    if body is None:
        try:
            body = (await store.get(event.key)).body
        except NotFound:
            return ()  # done already: the work object exists as long as the work is open
    begun = _Begun(stage, event.key, tries, clock)
    try:
        ready = await stage.work(event.key, body)
    except Temporary as error:
        begun.ended("again", error)
        raise
    except Exception as error:  # noqa: BLE001 - the type decides, and a fault of ours must not stop the others
        await fail(stage.name, store, clock, event.key, body, error, tries)
        begun.ended("failed", error)
        return ()
    begun.ended("done", ready=ready)
    return ready


class _Begun:
    """A run that is under way: it is counted, and traced where traces are wanted."""

    __slots__ = ("_at", "_clock", "_key", "_notes", "_stage", "_tries")

    def __init__(self, stage: Stage, key: str, tries: int, clock: Clock) -> None:
        self._stage, self._key, self._tries, self._clock = stage, key, tries, clock
        self._at = clock()
        self._notes = traces.begin() if traces.spans is not None else None

    def ended(
        self, result: traces.Result, error: Exception | None = None, ready: Sequence[Wake] = ()
    ) -> None:
        began, now = self._at, self._clock()
        self._stage.counts.add(result, max(0.0, now - began), error)
        if traces.spans is not None:
            written = [each.key for each in ready]
            name, key, tries = self._stage.name, self._key, self._tries
            traces.spans.ran(
                traces.Run(name, key, began, now, tries, result, error, written, self._notes)
            )


async def fail(
    stage: str, store: Store, clock: Clock, key: str, body: bytes, error: Exception, tries: int
) -> None:
    """Move a work object to `failed/`. A crash between the two writes leaves it in both places.

    An upload goes there under a key of its own: the next one of its name may fail, too.
    """
    found = None
    place = key
    if keys.is_overwritable(key):
        try:
            found = await store.get(key)
        except NotFound:
            return  # it was put back, or done, by another
        place = keys.put_back(key, int(found.modified * 1000), body)
    failure = Failure(
        stage=stage,
        key=place,
        cause=type(error).__name__,
        message=str(error),
        last_line=_last_line(error),
        at=clock(),
        tries=tries,
        body=body,
    )
    log.error("%s failed: %s", key, failure.message, extra={"stage": stage, "key": key})
    await store.put(keys.failed(stage, place), msgspec.json.encode(failure))
    if found is None:
        await store.delete(key)
    elif found.body == body:
        await delete_as_read(store, key, found)


def _last_line(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].name}, line {frames[-1].lineno}: {frames[-1].line}" if frames else ""


async def delete_as_read(store: Store, key: str, read: Object) -> None:
    """Delete what another may overwrite at any time, unless that has happened.

    No store has a conditional delete: what is put between these two requests is deleted unread.
    """
    with suppress(NotFound):
        now = await store.get(key)
        # The same bytes may have the same ETag.
        if (now.etag, now.modified) == (read.etag, read.modified):
            await store.delete(key)


async def write_once(store: Store, key: str, body: bytes) -> None:
    """Put what is derived from its input alone: whoever was first has written the same."""
    try:
        await store.create(key, body)
    except AlreadyExists:
        return
