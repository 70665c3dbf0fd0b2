"""validate: takes a submitted Batch, checks its Recipients, and cuts it into Bags.

submitted/<batch>.json → batches/<batch>/content.json
                         archive/submitted/<batch>.json, if it is large
                         domains/<domain>/tags/<tag>/<batch>
                         validated/<batch>/<bag>.json, or waiting/<due>/dispatch/… if scheduled
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from functions.validate.cut import Cut, CutBag
from shared import keys
from shared.archive import content_with
from shared.batches import is_cancelled, load_content, release_bags
from shared.codec import pack, unpack
from shared.errors import AlreadyExists, Malformed
from shared.model import Content, Submitted, encode
from shared.stage import Clock, Stage, Wake, wake, write_once
from shared.store.base import Store
from shared.suppressions import Suppressions
from shared.together import together

_AT_ONCE = 8

MxCheck = Callable[[Sequence[str]], Awaitable[Mapping[str, str]]]
"""Domain → stable word, for the domains that take no mail."""

_SUBMITTED = msgspec.json.Decoder(Submitted)


def stage(
    store: Store,
    clock: Clock,
    suppressions: Suppressions,
    bag_size: int,
    mx_check: MxCheck | None = None,
    keep: bool = True,
) -> Stage:
    """`keep` what was submitted, for a replay."""

    async def work(key: str, body: bytes) -> Sequence[Wake]:
        submitted = _parse(body)
        fits = len(submitted.recipients) <= bag_size
        if keep and not fits:
            await write_once(store, keys.archived(key), body)
        content = msgspec.structs.replace(submitted.content, bag_size=bag_size)
        kept = submitted.recipients if keep and fits else None
        content = await _write_content(store, content, kept)
        cut = Cut(submitted.recipients, content.bag_size, content.tracking)
        suppressed = await suppressions.of(content.domain)
        unreachable = await mx_check(cut.domains) if mx_check else {}
        ready: list[Wake] = []
        group: list[CutBag] = []
        for bag in cut.bags(content.batch, content.domain, suppressed, unreachable):
            group.append(bag)
            if len(group) == _AT_ONCE:
                ready += await _write_bags(store, group, content, clock())
                group = []
        ready += await _write_bags(store, group, content, clock())
        ready += await _if_cancelled(store, content)
        await store.delete(key)
        return ready

    return Stage("validate", work)


async def _if_cancelled(store: Store, content: Content) -> list[Wake]:
    """A scheduled Batch that was cancelled before it had Bags: nobody could release them then."""
    if content.due_at == content.accepted_at or not await is_cancelled(store, content.batch):
        return []
    return await release_bags(store, content)


def _parse(body: bytes) -> Submitted:
    try:
        return _SUBMITTED.decode(unpack(body))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed(f"this is no submitted Batch: {error}") from error


async def _write_content(
    store: Store, content: Content, recipients: Sequence[msgspec.Raw] | None
) -> Content:
    """Before any Bag: dispatch reads it. Died here: it is written again, the same.

    Returns what stands there: an earlier try may have cut Bags of another size, before the
    configuration changed, and a Delivery's id says in which Bag it is.
    """
    body = pack([encode(content)]) if recipients is None else content_with(content, recipients)
    tags = [keys.tagged(content.domain, tag, content.batch) for tag in content.tags]
    await together(write_once(store, tag, b"") for tag in tags)
    try:
        await store.create(keys.content(content.batch), body)
    except AlreadyExists:
        return await load_content(store, content.batch)
    return content


async def _write_bags(
    store: Store, bags: Sequence[CutBag], content: Content, now: float
) -> list[Wake]:
    """Died between two: the Batch is still submitted, and all are written again, the same."""

    async def write(bag: CutBag) -> Wake | None:
        work_key = keys.validated(bag.batch, bag.bag)
        body = pack([encode(bag)])
        if content.due_at > now:
            await write_once(store, keys.waiting(content.due_at, work_key), body)
            return None
        await write_once(store, work_key, body)
        return wake(work_key, body)

    written = await together(map(write, bags))
    return [each for each in written if each is not None]
