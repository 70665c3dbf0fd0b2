"""Runs the checks side by side, each within its time."""

import asyncio
import math
from collections.abc import Collection, Sequence

from ekiden.doctor.finding import Check, Finding, Result, Scene, failed, skipped
from shared.errors import EkidenError

Tasks = dict[str, "asyncio.Task[Result]"]


async def examine(
    scene: Scene,
    checks: Sequence[Check],
    only: Collection[str] = (),
    within_s: float = math.inf,
) -> list[Result]:
    """What each check found, in their order. Never raises because of one.

    With `only`, these and what they rest on are run; these are reported. `within_s`: the most that
    one may take, where its own patience is longer.
    """
    chosen = [check for check in checks if not only or check.name in only]
    needed = {name for check in chosen for name in (check.name, check.after)}
    tasks: Tasks = {}
    for check in checks:
        if check.name in needed:
            tasks[check.name] = asyncio.create_task(_one(scene, check, tasks, within_s))
    await asyncio.gather(*tasks.values())
    return [tasks[check.name].result() for check in chosen]


async def _one(scene: Scene, check: Check, tasks: Tasks, within_s: float) -> Result:
    before = tasks.get(check.after)
    if before is not None and (await before).failed:
        return Result(check.name, [skipped(f"because the check `{check.after}` failed")])
    return Result(check.name, await _findings(scene, check, min(check.timeout_s, within_s)))


async def _findings(scene: Scene, check: Check, timeout_s: float) -> list[Finding]:
    task = asyncio.create_task(check.run(scene))
    await asyncio.wait({task}, timeout=timeout_s)
    if not task.done():
        # Not waited for: what it tidies up with may hang as well. The loop's end cuts that short.
        task.cancel()
        return [failed(f"no answer within {timeout_s:g} s", "is the network all right?")]
    try:
        return task.result()
    except EkidenError as error:
        return [failed(str(error), "")]
    except Exception as error:  # noqa: BLE001 - a fault of ours in one check must not hide the others
        return [failed(f"the check itself failed: {type(error).__name__}: {error}", "report it")]
