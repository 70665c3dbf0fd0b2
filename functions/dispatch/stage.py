"""dispatch: renders and signs the mails of one Bag.

validated/<batch>/<bag>.json → dispatched/<batch>/<bag>.000.jsonl
"""

from collections.abc import Container, Sequence

import msgspec

from functions.dispatch.job import Job, Renderer, decode_bag, domain_of_bag
from shared import keys
from shared.codec import unpack
from shared.domains import Directory
from shared.errors import Malformed
from shared.stage import Stage, Wake, wake, write_once
from shared.store.base import Store
from shared.suppressions import Suppressions, digest
from shared.templating import MAX_OUTPUT_CHARS, MAX_STEPS


def stage(
    store: Store,
    directory: Directory,
    suppressions: Suppressions,
    renderer: Renderer,
    max_steps: int = MAX_STEPS,
    max_chars: int = MAX_OUTPUT_CHARS,
) -> Stage:
    contents = _Contents(store)

    async def work(key: str, body: bytes) -> Sequence[Wake]:
        batch, bag = keys.parse_validated(key)
        content, is_tracked = await contents.of(batch)
        domain_name = domain_of_bag(body)
        job = Job(
            content=content,
            domain=await directory.domain_body(domain_name),
            dkim=await directory.dkim_body(domain_name),
            bag=body,
            tracking=await directory.tracking_body(domain_name) if is_tracked else b"",
            suppressed=_of_bag(body, await suppressions.of(domain_name)),
            max_steps=max_steps,
            max_chars=max_chars,
        )
        rendered = await renderer(job)
        # Died before: rendered again, the same bytes. Died after: the Bag is rendered again, and
        # the put finds it there; or, if `send` was quicker, `send` finds its Outcomes.
        done = keys.dispatched(batch, bag, 0)
        await write_once(store, done, rendered)
        await store.delete(key)
        return (wake(done, rendered),)

    return Stage("dispatch", work)


class _Contents:
    """The contents of the Batches at hand: the Bags of one are dispatched together."""

    KEPT = 16

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[bytes, bool]] = {}

    async def of(self, batch: str) -> tuple[bytes, bool]:
        """(the content, whether its mails have tracked URLs). Raises `NotFound`."""
        known = self._known.pop(batch, None)
        if known is None:
            body = (await self._store.get(keys.content(batch))).body
            known = body, _is_tracked(body)
        self._known[batch] = known  # the youngest is last
        while len(self._known) > self.KEPT:
            del self._known[next(iter(self._known))]
        return known


class _TrackingUrl(msgspec.Struct):
    tracking_url: str = ""


_TRACKING_URL = msgspec.json.Decoder(_TrackingUrl)


def _is_tracked(content: bytes) -> bool:
    """Whether the mails of this Batch have tracked URLs. Raises `Malformed`."""
    try:
        return bool(_TRACKING_URL.decode(unpack(content)).tracking_url)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed(f"this is no Batch's content: {error}") from error


def _of_bag(body: bytes, suppressed: Container[str]) -> frozenset[str]:
    """Of all suppressed addresses those in this Bag: a job stays small."""
    if not suppressed:
        return frozenset()
    digests = (digest(row.email) for row in decode_bag(body).rows)
    return frozenset(each for each in digests if each in suppressed)
