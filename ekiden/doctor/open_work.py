"""Work: does any lie in `failed/`, and does any wait in front of its stage for too long?"""

from ekiden.doctor.finding import Finding, Scene, ok, warning
from shared import keys
from shared.store.base import Store

MOST_PAGES = 20
"""Of one prefix: enough to see that something is wrong."""


async def failed_work(scene: Scene) -> list[Finding]:
    """What no stage could do waits for a person."""
    number, more, _ = await _look(scene.store, keys.FAILED)
    if number:
        count = f"{number}{' or more' if more else ''}"
        return [warning(f"{count} objects below {keys.FAILED}", "ekiden failed list")]
    return [ok("nothing has failed")]


async def forgotten_work(scene: Scene) -> list[Finding]:
    """Open work is old when its events are lost and nobody sweeps, or when a stage is too slow."""
    bound_s = scene.config.sweep.forgotten_after
    now, number, old = scene.clock(), 0, []
    for prefix, stage in keys.WORK.items():
        count, _, oldest = await _look(scene.store, prefix)
        number += count
        if count and now - oldest > bound_s:
            old.append(f"{stage} has {count}, the oldest for {now - oldest:.0f} s")
    if old:
        return [
            warning(
                "; ".join(old),
                "do the functions run, is the sweep called, does anybody tell them? ekiden backlog",
            )
        ]
    return [ok(f"{number} open, none for longer than {bound_s:g} s")]


async def _look(store: Store, prefix: str) -> tuple[int, bool, float]:
    """(how many, are there more?, when the oldest of them was put)"""
    number, oldest, after = 0, 0.0, ""
    for _ in range(MOST_PAGES):
        page = await store.list_page(prefix, after)
        number += len(page)
        oldest = min([entry.modified for entry in page] + ([oldest] if oldest else []), default=0.0)
        if len(page) < 1000:
            return number, False, oldest
        after = page[-1].key
    return number, True, oldest
