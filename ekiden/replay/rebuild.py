"""What stood in front of a stage, made again by the stages before it, which run over an overlay.

They are the real ones, with what the store says today: if a Domain has other keys now, or an
address was suppressed since, the result differs from what was sent, and the comparison shows it.
"""

import time
from collections.abc import AsyncIterator

import msgspec

from ekiden.replay.moment import Moment
from ekiden.replay.overlay import Overlay
from ekiden.replay.restore import find
from functions.dispatch import assemble as dispatch
from functions.validate import assemble as validate
from shared import keys
from shared.archive import inbound_again, submitted_again
from shared.config import Config
from shared.config_network import mask
from shared.errors import Malformed, NotFound
from shared.store.base import Store


async def rebuild(config: Config, store: Store, moment: Moment) -> AsyncIterator[tuple[str, bytes]]:
    """(key, body) of each work object, one Bag at a time.

    Raises `NotFound` if what it is made of was not kept, `Malformed`.
    """
    if moment.stage == "bounce":
        yield moment.inbound, await inbound_again(store, moment.inbound)
        return
    body, bag_size = await _submitted(config, store, moment.batch)
    place = keys.submitted(moment.batch)
    if moment.stage == "validate":
        yield place, body
        return
    overlay = Overlay(store)
    bags = await _validated(_with_bags_of(config, bag_size), overlay, place, body)
    for key in _wanted(bags, moment):
        if moment.stage == "dispatch":
            yield key, bags[key]
        else:
            yield await _dispatched(config, overlay, key, bags[key])


async def _submitted(config: Config, store: Store, batch: str) -> tuple[bytes, int]:
    """Raises `NotFound`, which says what there is not, `Malformed`."""
    if await find(store, keys.content(batch)) is not None:
        return await submitted_again(store, batch)
    place = keys.submitted(batch)
    if await find(store, place) is not None:
        raise Malformed(f"{place} is still in front of validate: there is nothing to bring back")
    raise NotFound(f"there is no Batch {batch} in {mask(config.store.url)}")


def _with_bags_of(config: Config, bag_size: int) -> Config:
    """A Delivery's id says in which Bag it is: other Bags would be other Deliveries."""
    own = msgspec.structs.replace(config.validate, bag_size=bag_size)
    return msgspec.structs.replace(config, validate=own)


async def _validated(config: Config, overlay: Overlay, place: str, body: bytes) -> dict[str, bytes]:
    await validate.stage(config, overlay, time.time).work(place, body)
    return {
        key: made for key, made in overlay.take() if key.startswith((keys.VALIDATED, keys.WAITING))
    }


def _wanted(bags: dict[str, bytes], moment: Moment) -> list[str]:
    """The keys of the Bags that are meant. Raises `NotFound`."""
    if moment.bag is None:
        return sorted(bags)
    name = keys.validated(moment.batch, moment.bag)
    found = [key for key in bags if name in (key, keys.when_due(key))]
    if not found:
        raise NotFound(f"the Batch has no Bag {moment.bag}")
    return found


async def _dispatched(config: Config, overlay: Overlay, key: str, body: bytes) -> tuple[str, bytes]:
    if key.startswith(keys.WAITING):
        raise Malformed("the Batch is scheduled, and not due yet: replay it from dispatch")
    await dispatch.stage(config, overlay).work(key, body)
    ((made, envelopes),) = overlay.take()
    return made, envelopes
