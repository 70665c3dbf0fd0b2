"""Mail by SMTP that partly fails: wherever the process dies, its sender gets one report."""

from itertools import count
from typing import Any

import pytest
from endings import refuse
from lives import Died, Process, World, process, run, world
from station import DOMAIN

from functions.submit.smtp_message import Mail
from shared.http import Problem

APP = f"app@{DOMAIN}"
MESSAGE = f"From: {APP}\r\nTo: ann@sink.example\r\nSubject: By SMTP\r\n\r\nHello.\r\n".encode()
RECIPIENTS = ["ann@sink.example", "gone@sink.example", "gone2@sea.example"]
"""They fit into one Bag: a report is about one Bag's attempt."""


async def submit(alive: Process) -> None:
    """As the listener does; a client that heard no 250 sends again, and that is another Batch."""
    mail = Mail(APP, RECIPIENTS, MESSAGE)
    try:
        _, ready = await alive.submit.mail(DOMAIN, mail)
    except Problem as all_suppressed:
        pytest.fail(str(all_suppressed))
    if ready:
        alive.relay.wake(ready)


async def live(here: World, die_at: int | None, when: Any) -> bool:
    """Submit, if that was not done yet, and settle; whether it died."""
    async with process(here, die_at, when) as alive:
        try:
            if not await here.keys("submitted/", "batches/"):
                await submit(alive)
            await alive.settle()
        except Died:
            return True
    return False


async def story(die_at: int, when: Any) -> bool:
    async with world(refuse) as here:
        died = await live(here, die_at, when)
        await live(here, None, "before")
        assert await here.open_work() == []
        reports = {mail for mail in here.received() if mail[0] == APP}
        assert len(reports) == 1
        text = next(iter(reports))[1].decode()
        assert [text.count(f"Final-Recipient: rfc822; {each}") for each in RECIPIENTS] == [0, 1, 1]
        suppressed = [key for key in await here.keys("domains/") if "/suppressions/" in key]
        assert len(suppressed) == 2
        return died


@pytest.mark.parametrize("when", ["before", "after"])
def test_there_is_one_report_wherever_the_process_dies(when: Any) -> None:
    for die_at in count(1):
        if not run(story(die_at, when)):
            assert die_at > 10, "it dies at many writes"
            return
