"""What hangs on Batches goes.

    record      control/retention/domains/<domain>.json names them   → a second run finds the rest
    tags        domains/<domain>/tags/<tag>/<batch>                  the content says which
    content     batches/<batch>/content.json                         → nobody sees it any more
    archive     archive/submitted/<batch>.json, and reports that its late Outcomes name
    the rest    batches/<batch>/…

The content goes before the Outcomes, never behind them: a Batch with a content and without Outcomes
looks as if nobody had sent it, and a replay would send it all again. So it cannot be what a second
run goes by; the record is, which is one write for many Batches.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from shared import keys
from shared.store.base import Store, list_all

MOST_KEYS = 1000
"""Of one delete, as S3 has it."""


class Doomed(NamedTuple):
    """A Batch that goes."""

    batch: str
    tags: Sequence[str]
    keys: Sequence[str]
    """All that is below `batches/<batch>/`."""


async def forget(store: Store, domain: str, batches: Sequence[Doomed]) -> None:
    """To be called when the record names them. Raises `Temporary`."""
    await delete(
        store, [keys.tagged(domain, tag, each.batch) for each in batches for tag in each.tags]
    )
    await delete(store, [keys.content(each.batch) for each in batches])
    await delete(store, [key for each in batches for key in _archived(each.batch, each.keys)])
    # Their names say which reports are archived: so they go behind those.
    await delete(store, [key for each in batches for key in each.keys])


async def finish(store: Store, batch: str) -> None:
    """Do what was left of a Batch whose content is gone. Raises `Temporary`."""
    rest = [entry.key async for entry in list_all(store, keys.batch_prefix(batch))]
    await delete(store, _archived(batch, rest))
    await delete(store, rest)


def _archived(batch: str, of_batch: Iterable[str]) -> list[str]:
    """What was kept of how it came in, and of reports about it."""
    reports = dict.fromkeys(map(keys.name_of_late_outcome, of_batch))
    names = [keys.inbound(each) for each in reports if each]
    return [keys.archived(key) for key in (keys.submitted(batch), *names)]


async def delete(store: Store, gone: Sequence[str]) -> None:
    """In this order, so far as a store keeps one."""
    for start in range(0, len(gone), MOST_KEYS):
        await store.delete(*gone[start : start + MOST_KEYS])
