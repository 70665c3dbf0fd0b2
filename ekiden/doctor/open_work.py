"""Work: does any lie in `failed/`, and does any wait in front of its stage for too long?"""

from ekiden.doctor.finding import Finding, Scene, failed, ok, warning
from shared import keys
from shared.backlog import look_at
from shared.store.base import Store

MOST_PAGES = 20
"""Of one prefix: enough to see that something is wrong."""
SHOWN = 5
"""Names of objects, of many."""
OLD = "do the functions run, is the sweep called, does anybody tell them? ekiden backlog"
LISTING = "may this key list the bucket below that prefix?"


async def failed_work(scene: Scene) -> list[Finding]:
    """What no stage could do waits for a person."""
    there = await look_at(scene.store, keys.FAILED, MOST_PAGES)
    if there.refused:
        return [failed(f"it cannot be listed: {there.refused}", LISTING)]
    if there.number:
        count = f"{there.number}{' or more' if there.more else ''}"
        return [warning(f"{count} objects below {keys.FAILED}", "ekiden failed list")]
    return [ok("nothing has failed")]


async def forgotten_work(scene: Scene) -> list[Finding]:
    """Open work is old when its events are lost and nobody sweeps, or when a stage is too slow."""
    bound_s = scene.config.sweep.forgotten_after
    now, number, old = scene.clock(), 0, []
    found: list[Finding] = []
    for prefix, stage in keys.WORK.items():
        there = await look_at(scene.store, prefix, MOST_PAGES)
        if there.refused:  # the others are looked at all the same
            found.append(
                failed(f"no sweep finds what lies there: {there.refused}", LISTING, prefix)
            )
            continue
        number += there.number
        if there.number and now - there.oldest > bound_s:
            old.append(f"{stage} has {there.number}, the oldest for {now - there.oldest:.0f} s")
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
