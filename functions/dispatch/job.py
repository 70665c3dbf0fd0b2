"""One Bag's rendering as a job: bytes in, bytes out, so that it can run in any process."""

from collections.abc import Awaitable, Callable
from functools import lru_cache

import msgspec

from functions.dispatch.render import PreparedBatch, render_bag, without_suppressed
from shared import tracking_keys
from shared.batches import decode_content
from shared.codec import pack, unpack
from shared.domains import DkimKeys, Domain
from shared.errors import Malformed
from shared.model import Bag, Content


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """All that rendering needs. The three first are the same for all Bags of a Batch."""

    content: bytes
    domain: bytes
    dkim: bytes
    bag: bytes
    tracking: bytes = b""
    """The Domain's keys that sign tracked URLs; empty if the Batch has none."""
    suppressed: frozenset[str] = frozenset()
    """Only those of the Bag's Recipients."""
    max_steps: int
    max_chars: int


Renderer = Callable[[Job], Awaitable[bytes]]
"""Makes the `dispatched/` object of a Bag."""

_BAG = msgspec.json.Decoder(Bag)


def render(job: Job) -> bytes:
    """The packed `dispatched/` object. Raises `Malformed`, `TemplateFault`."""
    records = (job.content, job.domain, job.dkim, job.tracking)
    content, prepared = _prepared(records, job.max_steps, job.max_chars)
    bag = without_suppressed(decode_bag(job.bag), job.suppressed)
    return pack(render_bag(prepared, content, bag))


def decode_bag(body: bytes) -> Bag:
    try:
        return _BAG.decode(unpack(body))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed(f"this is no Bag: {error}") from error


class _DomainOnly(msgspec.Struct):
    domain: str


_DOMAIN_ONLY = msgspec.json.Decoder(_DomainOnly)


def domain_of_bag(body: bytes) -> str:
    """Whose Bag this is, without taking it apart. Raises `Malformed`."""
    try:
        return _DOMAIN_ONLY.decode(unpack(body)).domain
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed(f"this is no Bag: {error}") from error


@lru_cache(maxsize=8)
def _prepared(
    records: tuple[bytes, bytes, bytes, bytes], max_steps: int, max_chars: int
) -> tuple[Content, PreparedBatch]:
    content, domain, dkim, tracking = records
    decoded = decode_content(content)
    record = msgspec.json.decode(domain, type=Domain)
    dkim_keys = msgspec.json.decode(dkim, type=DkimKeys)
    key = tracking_keys.decode(tracking).signing if tracking else None
    return decoded, PreparedBatch(decoded, record, dkim_keys, max_steps, max_chars, key)


async def render_here(job: Job) -> bytes:
    """The renderer of a function: this process, this thread."""
    return render(job)
