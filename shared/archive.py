"""What stages took in, kept so that `ekiden replay` can bring any moment back.

Everything between is derived from it: the same input gives the same bytes. A Batch of one Bag
carries its Recipients in its content, which costs no request; a larger one is kept beside it as it
was submitted, and so is mail that arrived.

    batches/<batch>/content.json      with "recipients", if they fit into one Bag
    archive/submitted/<batch>.json    else
    archive/inbound/<id>.eml
"""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
from msgspec import Raw

from shared import keys
from shared.codec import pack, unpack
from shared.errors import Malformed, NotFound
from shared.model import Content, encode
from shared.stage import Stage, Wake, write_once
from shared.store.base import Store

_FIELDS = msgspec.json.Decoder(dict[str, Raw])
"""The text of each field, untouched: decoding and encoding need not give the same bytes."""


def content_with(content: Content, recipients: Sequence[Raw]) -> bytes:
    """The body of a `content.json` that holds its Recipients, too."""
    return pack([encode(content)[:-1], b',"recipients":[', b",".join(recipients), b"]}"])


async def submitted_again(store: Store, batch: str) -> tuple[bytes, int]:
    """(the body of the Batch's work object as `submit` wrote it, the size of its Bags).

    Raises `NotFound` if it was not kept, or kept no longer; `Malformed`.
    """
    kept = unpack((await store.get(keys.content(batch))).body)
    try:
        fields = _FIELDS.decode(kept)
        bag_size = int(bytes(fields.pop("bag_size")))  # `validate` has added it
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, ValueError) as error:
        raise Malformed(f"{keys.content(batch)} cannot be read: {error}") from error
    if "recipients" not in fields:
        return await _archived(store, keys.submitted(batch)), bag_size
    recipients = fields.pop("recipients")
    return pack([b'{"content":', encode(fields), b',"recipients":', recipients, b"}"]), bag_size


def keeping(stage: Stage, store: Store) -> Stage:
    """The stage, which keeps what it takes in first."""

    async def work(key: str, body: bytes) -> Sequence[Wake]:
        await write_once(store, keys.archived(key), body)
        return await stage.work(key, body)

    return replace(stage, work=work)


async def inbound_again(store: Store, key: str) -> bytes:
    """The body of an `inbound/` object. Raises `NotFound` if it was not kept."""
    return await _archived(store, key)


async def _archived(store: Store, work_key: str) -> bytes:
    place = keys.archived(work_key)
    try:
        return (await store.get(place)).body
    except NotFound as error:
        raise NotFound(
            f"there is no {place}: it was kept no longer, or archive.{place.split('/')[1]} is off"
        ) from error
