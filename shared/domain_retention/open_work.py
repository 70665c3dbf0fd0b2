"""What is still on its way, of all Domains: it needs the Batch that it is about.

Work moves while it is listed. So places are listed as it goes through them, and `failed/` first and
last: from there it is put back, and there it ends. A Bag that is deferred goes from `dispatched/`
back to `waiting/`; but then it has just written an Outcome, and what was touched lately stays.

Failed calls of Webhooks keep nothing: a Webhook that is dead must not keep what it was to hear.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from shared import keys
from shared.store.base import Store, list_all

_PLACES = (
    *(keys.FAILED, keys.SUBMITTED, keys.WAITING, keys.VALIDATED, keys.DISPATCHED),
    *(keys.LEASES, keys.NOTIFYING, keys.FAILED),
)
_ID = re.compile(r"[0-7][0-9a-hjkmnp-tv-z]{25}")


@dataclass
class OpenWork:
    """What must not be touched."""

    batches: set[str] = field(default_factory=set)
    """That have Bags on their way, or failed ones."""
    unvalidated: set[str] = field(default_factory=set)
    """Those of them that may not have a content yet."""
    told: set[str] = field(default_factory=set)
    """What names the objects that Webhooks are to hear about: a Batch, an event, a mail."""

    def keeps(self, name: str) -> bool:
        return name in self.batches or name in self.told


async def find(store: Store) -> OpenWork:
    """One request for each thousand work objects. Raises `Temporary`."""
    found = OpenWork()
    for prefix in _PLACES:
        async for entry in list_all(store, prefix):
            _note(found, entry.key)
    return found


def _note(found: OpenWork, key: str) -> None:
    if key.startswith(keys.LEASES):
        found.batches.add(key.removeprefix(keys.LEASES).partition("/")[0])
        return
    work = keys.when_due(key)
    if work.startswith(keys.NOTIFYING):
        found.told |= set(_names(work.rpartition("/")[2]))
    elif batch := keys.batch_of_open_work(key):
        found.batches.add(batch)
        if keys.SUBMITTED in work:
            found.unvalidated.add(batch)


def _names(name: str) -> Iterable[str]:
    """The ids in a call's name, which has a mark at its end where it is a replay."""
    yield name.partition(".")[0]
    yield from _ID.findall(name)
