"""Work that a stage could not do: found, put back in front of its stage, or thrown away.

failed/<stage>/<the work object's key>.json    the cause, and the work object as it was
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec

from shared import keys
from shared.errors import Malformed, NotFound
from shared.stage import Failure, Wake, wake, write_once
from shared.store.base import Store, list_all

_FAILURE = msgspec.json.Decoder(Failure)


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
    """(key below `failed/`, failure) of all that fit, behind `after`. Raises `Malformed`."""
    prefix = f"{keys.FAILED}{wanted.stage}/" if wanted.stage else keys.FAILED
    async for entry in list_all(store, prefix, after):
        if wanted.batch not in entry.key:
            continue  # not worth a read
        try:
            failure = await load(store, entry.key)
        except NotFound:
            continue  # replayed just now
        if wanted.fits(failure):
            yield entry.key, failure


async def load(store: Store, key: str) -> Failure:
    """Raises `NotFound`, `Malformed`."""
    body = (await store.get(key)).body
    try:
        return _FAILURE.decode(body)
    except msgspec.MsgspecError as error:
        raise Malformed(f"{key} is no failure that can be read: {error}") from error


async def replay(store: Store, key: str, failure: Failure) -> Wake:
    """Put the work back in front of its stage, and forget the failure.

    Died between the two: the work is done, and the failure is still shown; a second replay does
    nothing twice, because every stage looks at what is there.
    """
    await write_once(store, failure.key, failure.body)
    await store.delete(key)
    return wake(failure.key, failure.body)


async def discard(store: Store, key: str) -> None:
    """Throw the work away. What it would have led to does not happen."""
    await store.delete(key)
