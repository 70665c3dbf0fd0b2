"""Putting work back in front of its stage, and what will come of it."""

from ekiden.replay.compare import Compared
from shared import keys
from shared.batches import load_content, outcome_parts, read_outcomes
from shared.errors import AlreadyExists, NotFound
from shared.outcome import FINAL, State, count, latest
from shared.store.base import Store


async def find(store: Store, key: str) -> bytes | None:
    """What stands under the key now."""
    try:
        return (await store.get(key)).body
    except NotFound:
        return None


async def put_back(store: Store, compared: Compared, overwrite: bool) -> bool:
    """Write the object; its put is the event that wakes its stage.

    Died between two objects: the rest is put back by the next replay. Returns whether it was
    written: without `overwrite`, what is there stays.
    """
    if compared.word == "same" or (compared.word == "differs" and not overwrite):
        return False
    try:
        if overwrite:
            await store.put(compared.key, compared.made)
        else:
            await store.create(compared.key, compared.made)
    except AlreadyExists:  # put meanwhile by its own stage
        return False
    return True


async def outlook(store: Store, batch: str) -> tuple[dict[State, int], int]:
    """(how many Deliveries have which final Outcome, how many have none and go on)."""
    accepted = (await load_content(store, batch)).accepted
    parts = await outcome_parts(store, keys.outcomes(batch))
    now = latest(await read_outcomes(store, parts))
    final = {state: number for state, number in count(now.values()).items() if state in FINAL}
    return final, accepted - sum(final.values())
