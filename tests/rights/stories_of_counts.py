"""Outcomes and events are counted by the sweep, and read by the operator API."""

import time

from few_rights import Here, Story
from station import DOMAIN
from stories_of_mail import to
from stories_of_pod import arrived, pod, report_to

from shared import keys
from shared.stats import query, ranges

DAY_S = 86_400.0
LOOKS_S = (DAY_S, 4 * DAY_S)
"""Ahead of all other stories: what is new is looked for from where the last sweep has ended, and
once more when it is three days old."""


async def mail_is_counted(here: Here) -> None:
    """In several Bags, one of which hears of a bounce late."""
    batch = await here.submit(to("una", "vic", "wes"))
    await here.work_off()
    path = here.sink.received[-1].return_path
    first, second = LOOKS_S
    await _swept(here, first)
    async with pod(here) as station:
        await arrived(station, path, report_to(path))
    await here.work("bounce")
    await _swept(here, second)
    assert keys.progress(batch) in await here.keys(keys.BATCHES)
    span = ranges.since("24h", ranges.HOUR, time.time() + 3600)
    counted = await query.answer(here.store("admin"), DOMAIN, query.Question(span))
    assert counted.lines[0].total.delivered >= 3
    await here.work_off()


async def _swept(here: Here, later_s: float) -> None:
    here.later_s = later_s
    await here.sweep()


STORIES: list[Story] = [mail_is_counted]
