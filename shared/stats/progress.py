"""A Batch's Outcomes, counted by Bag: `batches/<batch>/progress.json`.

Only of Batches with several Bags. Counting the hours reads all Outcomes anyway, and leaves this
behind, so that reading back has to read those Bags alone that have changed since. It says of each
Bag how far it was read: an old one costs requests, and is never wrong.
"""

import msgspec

from shared import keys
from shared.errors import NotFound
from shared.outcome import State
from shared.store.base import Store


class BagProgress(msgspec.Struct, omit_defaults=True, frozen=True):
    """Where the Deliveries of a Bag are."""

    upto: str
    """`<attempt>.<part>` of the last Outcomes object that is in it."""
    states: dict[State, int]
    late: int = 0
    """How many reports that came back are in it."""


Progress = dict[int, BagProgress]
"""Bag → how far, and what."""

_DECODER = msgspec.json.Decoder(Progress)


async def load(store: Store, batch: str) -> Progress:
    """Empty where nobody has counted yet."""
    try:
        return _DECODER.decode((await store.get(keys.progress(batch))).body)
    except (NotFound, msgspec.MsgspecError, UnicodeDecodeError):
        return {}  # it only spares requests


async def save(store: Store, batch: str, progress: Progress) -> None:
    await store.put(keys.progress(batch), msgspec.json.encode(progress))
