"""The same objects without the person.

Nothing is removed whose absence would mean something else: a Delivery keeps its Outcomes, a Batch
its numbers, and what must not be written to stays suppressed, by its digest. Each object is
replaced by compare-and-swap and says the same afterwards, but for whom it is about. Died on the
way: done once more, it does the rest.
"""

from collections.abc import Callable

import msgspec

from shared import keys
from shared.codec import pack
from shared.errors import Changed
from shared.one_address import walking
from shared.one_address.person import Person
from shared.one_address.rewriting import (
    lines_about,
    rows_about,
    without_lines,
    without_rows,
)
from shared.one_address.walking import BatchOfDomain, Search
from shared.suppressions import editing

_TRIES = 10


class AddressDeletion(msgspec.Struct, kw_only=True):
    """What was done, in objects."""

    address: str
    domain: str
    rewritten: int = 0
    """Batches, Outcomes and events, which say the same about everybody else."""
    deleted: int = 0
    """Mail that was received, and reports that had come in."""
    suppressed: bool = False
    """It is not written to; only its digest says so now."""
    open: list[str] = []
    """Work that is still on its way, or has failed, and names the address: delete again later."""
    looked_at: int = 0


async def delete(search: Search, told: Callable[[int], None] = lambda _: None) -> AddressDeletion:
    """Raises `TooMuch` before anything is changed; `Temporary`."""
    if search.most_objects is not None:
        await walking.measure(search)
        search = Search(search.store, search.domain, search.person)
    done = AddressDeletion(address=search.person.address, domain=search.domain)
    run = _Run(search, done)
    # First: a report about an old mail must not suppress the address by its name again.
    done.suppressed = await editing.make_nameless(search.store, search.domain, search.person.digest)
    async for batch in walking.batches(search):
        told(search.looked_at)
        await run.batch(batch)
    async for key, found in walking.events(search):
        told(search.looked_at)
        await run.event(key, found.body)
    async for key, _ in walking.received(search):
        await run.mail(key)
    done.open += await walking.uploads(search)
    done.looked_at = search.looked_at
    return done


class _Run:
    """One run. What leads to an object is rewritten after that object, never before: so a second
    run finds whatever a first one has left."""

    def __init__(self, search: Search, done: AddressDeletion) -> None:
        self._search = search
        self._person = search.person
        self._done = done
        self._deliveries: set[str] = set()
        """The person's, as far as they are found."""

    async def batch(self, batch: BatchOfDomain) -> None:
        person = self._person
        deliveries: set[str] = set()
        for key in batch.outcomes:
            part = await self._search.get(key)
            lines = lines_about(part.body, person, also_deleted=True) if part else []
            deliveries |= {str(each["delivery"]) for each in lines}
            if lines and keys.name_of_late_outcome(key):
                await self._drop_report(keys.name_of_late_outcome(key))
        is_theirs = batch.content.get("accepted") == 1 and bool(
            deliveries or rows_about(batch.content, person)
        )
        # The Outcomes last: by them a second run knows again what a Batch was about.
        for key in (keys.content(batch.name), keys.archived(keys.submitted(batch.name))):
            await self._rewrite(key, lambda body: _batch_without(body, person, is_theirs))
        for key in batch.outcomes:
            await self._rewrite(key, lambda body: without_lines(body, person))
        self._deliveries |= deliveries
        self._done.open += await walking.still_open(self._search, batch)

    async def event(self, key: str, body: bytes) -> None:
        person, deliveries = self._person, self._deliveries
        if without_lines(body, person, deliveries) is not None:
            await self._drop_report(keys.name_of_event(key))
            await self._rewrite(key, lambda now: without_lines(now, person, deliveries))

    async def mail(self, key: str) -> None:
        await self._drop_report(keys.parse_received(key))
        await self._search.store.delete(key)
        self._done.deleted += 1

    async def _drop_report(self, inbound_id: str) -> None:
        """What was kept of a mail that came in: theirs, or a report about their Delivery."""
        key = keys.archived(keys.inbound(inbound_id))
        if await self._search.get(key):
            await self._search.store.delete(key)
            self._done.deleted += 1

    async def _rewrite(self, key: str, change: Callable[[bytes], bytes | None]) -> bool:
        """Whether it was about the person. Raises `Changed` if it changes all the time."""
        for _ in range(_TRIES):
            found = await self._search.get(key)
            body = change(found.body) if found else None
            if found is None or body is None:
                return False
            try:
                await self._search.store.replace(key, body, found.etag)
            except Changed:
                continue
            self._done.rewritten += 1
            return True
        raise Changed(f"{key} changes all the time: delete again")


def _batch_without(body: bytes, person: Person, is_theirs: bool) -> bytes | None:
    changed = without_rows(walking.decoded(body, "a Batch"), person, is_theirs=is_theirs)
    return None if changed is None else pack([msgspec.json.encode(changed)])
