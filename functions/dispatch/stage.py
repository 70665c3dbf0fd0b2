"""dispatch: renders and signs the mails of one Bag.

validated/<batch>/<bag>.json → dispatched/<batch>/<bag>.000.jsonl
"""

from collections.abc import Sequence

from functions.dispatch.job import Job, Renderer, decode_bag, domain_of_bag
from shared import keys
from shared.domains import Directory
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
        content = await contents.of(batch)
        domain_name = domain_of_bag(body)
        job = Job(
            content=content,
            domain=await directory.domain_body(domain_name),
            dkim=await directory.dkim_body(domain_name),
            bag=body,
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
        self._bodies: dict[str, bytes] = {}

    async def of(self, batch: str) -> bytes:
        """Raises `NotFound`."""
        body = self._bodies.pop(batch, None)
        if body is None:
            body = (await self._store.get(keys.content(batch))).body
        self._bodies[batch] = body  # the youngest is last
        while len(self._bodies) > self.KEPT:
            del self._bodies[next(iter(self._bodies))]
        return body


def _of_bag(body: bytes, suppressed: frozenset[str]) -> frozenset[str]:
    """Of all suppressed addresses those in this Bag: a job stays small."""
    if not suppressed:
        return suppressed
    digests = (digest(row.email) for row in decode_bag(body).rows)
    return frozenset(each for each in digests if each in suppressed)
