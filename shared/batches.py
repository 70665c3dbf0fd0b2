"""A Batch as a whole: its content, the Outcomes of its Bags, its cancellation."""

import re

import msgspec

from shared import keys
from shared.codec import unpack
from shared.errors import NotFound
from shared.model import Content
from shared.outcome import Outcome, decode_lines
from shared.stage import Wake
from shared.store.base import Store, list_all
from shared.waiting import release


class _ContentOnly(msgspec.Struct):
    content: Content


_CONTENT = msgspec.json.Decoder(Content)
_SUBMITTED = msgspec.json.Decoder(_ContentOnly)


def decode_content(body: bytes) -> Content:
    return _CONTENT.decode(unpack(body))


async def load_content(store: Store, batch: str) -> Content:
    """What a Batch says, wherever it is. Raises `NotFound`.

    `validate` writes the content before it deletes what was submitted, so one of the two is
    there; the order of the reads follows the Batch's way, and the last read closes the gap.
    """
    for read in (_content, _submitted):
        try:
            return await read(store, batch)
        except NotFound:
            continue
    return await _content(store, batch)


async def _content(store: Store, batch: str) -> Content:
    return decode_content((await store.get(keys.content(batch))).body)


async def _submitted(store: Store, batch: str) -> Content:
    return _SUBMITTED.decode(unpack((await store.get(keys.submitted(batch))).body)).content


async def outcome_parts(store: Store, prefix: str) -> list[str]:
    """The keys of the Outcomes below a prefix, in the order in which they were recorded."""
    return sorted([entry.key async for entry in list_all(store, prefix)])


async def read_outcomes(store: Store, part_keys: list[str]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for key in part_keys:
        outcomes.extend(decode_lines((await store.get(key)).body))
    return outcomes


_MESSAGE_ID = re.compile(r"^message-id:\s*(<[^>\r\n]*>)", re.IGNORECASE | re.MULTILINE)


def message_id(content: Content, delivery: str) -> str:
    """The Message-ID of a Delivery; a ready-made message's own, or empty if it has none."""
    if not content.message:
        return f"<{delivery}@{content.domain}>"
    found = _MESSAGE_ID.search(content.message.partition("\r\n\r\n")[0])
    return found[1] if found else ""


async def is_cancelled(store: Store, batch: str) -> bool:
    try:
        await store.get(keys.cancelled(batch))
    except NotFound:
        return False
    return True


async def release_bags(store: Store, content: Content) -> list[Wake]:
    """Put all Bags of a scheduled Batch in front of `dispatch`, whatever the time."""
    first = keys.waiting(content.due_at, keys.validated(content.batch, 0))
    waiting = [entry.key async for entry in list_all(store, first.rpartition("/")[0] + "/")]
    released = [await release(store, key) for key in waiting]
    return [ready for ready in released if ready is not None]
