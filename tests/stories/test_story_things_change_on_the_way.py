"""Between submit and transmission the world goes on: Templates change, people unsubscribe.

The relay is stopped in between: what was accepted is in the store, and a later process goes on.
"""

from typing import Any

import pytest
from station import BATCH, DOMAIN, Here, run, running_station

from shared import suppressions
from shared.domains import Template
from shared.provision import put_template
from shared.suppressions import Suppression

TWO = [
    {"email": "ann@sink.example", "fields": {"name": "Ann"}},
    {"email": "gone@sink.example", "fields": {"name": "Gone"}},
]
UNTIL_SUBMITTED = {"services__validate": "no"}
UNTIL_VALIDATED = {"services__dispatch": "no"}


async def suppress(here: Here, address: str) -> None:
    entry = Suppression(email=address, reason="unsubscribed", at=1.0)
    await suppressions.add(here.store, DOMAIN, entry)


@pytest.mark.parametrize("stopped", [UNTIL_SUBMITTED, UNTIL_VALIDATED], ids=["submit", "validate"])
def test_who_unsubscribes_on_the_way_gets_nothing_any_more(stopped: Any, tmp_path: Any) -> None:
    async def story() -> None:
        url = f"sqlite:///{tmp_path}/ekiden.db"
        async with running_station(url, **stopped) as here:
            batch = await here.submit({**BATCH, "recipients": TWO})
            await here.idle()
            await suppress(here, "GONE@sink.example")
        async with running_station(url) as here:
            seen = await here.done(batch)
            assert seen["outcomes"] == {"delivered": 1, "rejected": 1}
            assert [received.recipient for received in here.sink.received] == ["ann@sink.example"]
            (gone,) = (each for each in await here.deliveries(batch) if each["state"] == "rejected")
            assert gone["recipient"] == "gone@sink.example"
            assert gone["last"]["reason"] == "suppressed"

    run(story)


def test_a_batch_says_what_its_template_said_when_it_was_accepted(tmp_path: Any) -> None:
    async def story() -> None:
        url = f"sqlite:///{tmp_path}/ekiden.db"
        batch = {"sender": BATCH["sender"], "recipients": TWO[:1], "template_id": "welcome"}
        async with running_station(url, services__validate="no") as here:
            old = Template(id="welcome", subject="The old subject", text="The old text")
            await put_template(here.store, DOMAIN, old)
            first = await here.submit(batch)
            new = Template(id="welcome", subject="The new subject", text="{{ another_field }}")
            await put_template(here.store, DOMAIN, new)
        async with running_station(url) as here:
            await here.done(first)
            (received,) = here.sink.received
            assert b"The old text" in received.message
            assert b"The new subject" not in received.message

    run(story)
