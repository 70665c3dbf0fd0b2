"""Work that a stage could not do: found, put back in front of its stage, or thrown away.

failed/<stage>/<the work object's key>.json    the cause, and the work object as it was

A failure is believed only as far as its own key goes: who may write the failures of one stage
shall not have an operator write anything else than work for that stage.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from shared import keys
from shared.errors import AlreadyExists, Malformed, NotFound, Permanent, StoreRefused
from shared.stage import Failure, Wake, delete_as_read, wake
from shared.store.base import Store, list_all
from shared.together import together

UNREADABLE = "Unreadable"
"""The cause that is shown for an object below `failed/` that is no failure."""

MOST_LOOKED_AT = 1000
"""For one page: each is read whole, its work with it."""
_READ_AT_ONCE = 8

_FAILURE = msgspec.json.Decoder(Failure)


class Occupied(Permanent):
    """Other work lies where this one would be put back; the failure is kept."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which failures; what is empty fits all."""

    stage: str = ""
    batch: str = ""
    cause: str = ""
    since: float = 0.0
    """Seconds since 1970."""
    until: float = float("inf")

    def fits(self, failure: Failure) -> bool:
        return (
            self.batch in failure.key
            and self.cause in ("", failure.cause)
            and self.since <= failure.at <= self.until
        )


async def find(store: Store, wanted: Filter, after: str = "") -> AsyncIterator[tuple[str, Failure]]:
    """(key below `failed/`, failure) of all that fit, behind `after`; also what is unreadable."""
    async for entry in list_all(store, _prefix(wanted), after):
        if wanted.batch not in entry.key:
            continue  # not worth a read
        failure = await _look_if_there(store, entry.key)
        if failure and wanted.fits(failure):
            yield entry.key, failure


async def page(
    store: Store, wanted: Filter, after: str, limit: int
) -> tuple[list[tuple[str, Failure]], str]:
    """(the next ones that fit, the key to go on behind or ""), after a bounded number of reads:
    where few fit, a page is short, or empty, and there is still more."""
    found: list[tuple[str, Failure]] = []
    group: list[str] = []
    looked_at = 0
    async for entry in list_all(store, _prefix(wanted), after):
        if wanted.batch not in entry.key:
            continue
        group.append(entry.key)
        if len(group) < _READ_AT_ONCE:
            continue
        found += await _fitting(store, wanted, group)
        looked_at, last, group = looked_at + len(group), group[-1], []
        if len(found) > limit:
            break
        if looked_at >= MOST_LOOKED_AT:
            return found, last
    else:
        found += await _fitting(store, wanted, group)
    return found[:limit], found[limit - 1][0] if len(found) > limit else ""


async def _fitting(store: Store, wanted: Filter, places: list[str]) -> list[tuple[str, Failure]]:
    looks = await together(_look_if_there(store, place) for place in places)
    pairs = zip(places, looks, strict=True)
    return [(place, found) for place, found in pairs if found and wanted.fits(found)]


async def _look_if_there(store: Store, place: str) -> Failure | None:
    with suppress(NotFound):  # replayed just now
        return await look(store, place)
    return None


def _prefix(wanted: Filter) -> str:
    return f"{keys.FAILED}{wanted.stage}/" if wanted.stage else keys.FAILED


async def load(store: Store, key: str) -> Failure:
    """Raises `NotFound`, `Malformed`."""
    body = (await store.get(key)).body
    try:
        return _FAILURE.decode(body)
    except msgspec.MsgspecError as error:
        raise Malformed(f"{key} is no failure that can be read: {error}") from error


async def look(store: Store, key: str) -> Failure:
    """The same; for what cannot be read a failure that says so, and has no work. Raises
    `NotFound`."""
    try:
        return await load(store, key)
    except Malformed as error:
        at = (await store.get(key)).modified
        return Failure(
            stage=keys.parse_failed(key),
            key="",
            cause=UNREADABLE,
            message=str(error),
            last_line="",
            at=at,
            tries=0,
            body=b"",
        )


async def replay(store: Store, key: str, failure: Failure) -> Wake:
    """Put the work back in front of its stage, and forget the failure.

    Died between the two: the work is done, and the failure is still shown; a second replay does
    nothing twice, because every stage looks at what is there, and an upload's key says its age.
    Raises `NotFound` if another was faster, `Malformed` if the failure may not be believed,
    `Occupied`.
    """
    place = _place(key, failure)
    read = await store.get(key)
    await _put_back(store, place, failure.body)
    # If it fails again at once, it is a new failure under the same key.
    await delete_as_read(store, key, read)
    return wake(place, failure.body)


def _place(key: str, failure: Failure) -> str:
    """Where the work goes. Raises `Malformed`."""
    stage, work = keys.parse_failed(key), failure.key
    if failure.cause == UNREADABLE and not work:
        raise Malformed(failure.message)
    # What the sweep fails to release waits; all other work lies in front of its stage.
    of_stage = "sweep" if work.startswith(keys.WAITING) else keys.stage_of(work)
    if of_stage != stage or keys.failed(stage, work) != key:
        raise Malformed(f"{key} claims to be work at {work[:300]!r}: it is not put there")
    if keys.is_overwritable(work):
        return keys.put_back(work, int(failure.at * 1000), failure.body)
    return work


async def _put_back(store: Store, place: str, body: bytes) -> None:
    while True:
        with suppress(AlreadyExists):
            await store.create(place, body)
            return
        with suppress(NotFound):  # it was done just now
            if keys.parse_put_back(place) or await _is_at(store, place, body):
                return
            raise Occupied(f"{place} is open work already, and another: let that be done first")


async def _is_at(store: Store, place: str, body: bytes) -> bool:
    try:
        return (await store.get(place)).body == body
    except StoreRefused:
        return False  # admin may put some work that it may not read


async def discard(store: Store, key: str) -> None:
    """Throw the work away. What it would have led to does not happen."""
    await store.delete(key)
