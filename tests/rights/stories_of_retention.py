"""A Domain keeps things for a shorter time than the bucket does, and the sweep forgets them."""

import time

from few_rights import Here, Story
from station import DOMAIN
from stories_of_admin import ONE, did
from stories_of_mail import to
from stories_of_pod import arrived, pod, report_to

from shared import keys
from shared.domain_retention.wanted import KINDS

DAY_S = 86_400.0
A_MONTH_S = 31 * DAY_S
"""Ahead of the stories that count: the pass over what is thirty days old finds what is new."""


async def what_a_domain_keeps_no_longer_goes(here: Here) -> None:
    """A Batch of several Bags with a tag, a report about it, mail for postmaster, a call."""
    await here.work_off()
    await here.operator.delete(*await here.keys(keys.FAILED), *await here.keys(keys.WAITING))
    archived = await here.keys("archive/inbound/")
    batch = await here.submit(to("xea", "yan", "zoe", tags=["summer"]))
    await here.work_off()
    path = here.sink.received[-1].return_path
    async with pod(here) as station:
        await arrived(station, path, report_to(path))
        await arrived(station, f"postmaster@{DOMAIN}", b"Subject: hello\r\n\r\nhello\r\n")
    await here.work_off()
    await here.operator.put(keys.call_log(DOMAIN, "w", time.time(), "x.000"), b"x")
    assert len(await here.keys("archive/inbound/")) == len(archived) + 2
    work = [*keys.WORK, keys.WAITING, keys.FAILED]
    assert not [key for prefix in work for key in await here.keys(prefix)]
    await did(here, "PUT", f"{ONE}/retention", dict.fromkeys(KINDS, 10))
    here.later_s = A_MONTH_S
    await here.sweep()
    await did(here, "PUT", f"{ONE}/retention", {})
    left = [key for prefix in ("batches/", "archive/") for key in await here.keys(prefix)]
    assert not [key for key in left if batch in key]
    for prefix in (keys.events(DOMAIN), keys.received_by(DOMAIN), keys.calls_of(DOMAIN)):
        assert await here.keys(prefix) == []
    assert set(await here.keys("archive/inbound/")) <= set(archived)
    assert await here.keys(keys.tag(DOMAIN, "summer")) == []
    assert await here.keys("stats/")


STORIES: list[Story] = [what_a_domain_keeps_no_longer_goes]
