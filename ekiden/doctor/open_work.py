"""Work: does any lie in `failed/`, and does any wait in front of its stage for too long?"""

from ekiden.doctor.finding import Finding, Scene, failed, ok, warning
from shared import keys
from shared.errors import StoreRefused
from shared.store.base import Store

MOST_PAGES = 20
"""Of one prefix: enough to see that something is wrong."""
SHOWN = 5
"""Names of objects, of many."""
OLD = "do the functions run, is the sweep called, does anybody tell them? ekiden backlog"
LISTING = "may this key list the bucket below that prefix?"


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
    found: list[Finding] = []
    for prefix, stage in keys.WORK.items():
        try:
            count, _, oldest = await _look(scene.store, prefix)
        except StoreRefused as error:  # the others are looked at all the same
            found.append(failed(f"no sweep finds what lies there: {error}", LISTING, prefix))
            continue
        number += count
        if count and now - oldest > bound_s:
            old.append(f"{stage} has {count}, the oldest for {now - oldest:.0f} s")
    found += _unreadable(scene.store)
    if old:
        found.append(warning("; ".join(old), OLD))
    return found or [ok(f"{number} open, none for longer than {bound_s:g} s")]


def _unreadable(store: Store) -> list[Finding]:
    """What the listings met and passed over."""
    names = sorted(getattr(store, "passed_over", ()))
    if not names:
        return []
    shown = ", ".join(map(ascii, names[:SHOWN])) + (" …" if len(names) > SHOWN else "")
    seen = f"{len(names)} objects have names that nothing here can read: {shown}"
    return [warning(seen, "delete them, and look who may write there")]


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
