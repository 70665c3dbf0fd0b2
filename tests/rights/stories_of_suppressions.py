"""Stories about the Domain's suppressions: many of them, folded by the sweep, asked for by all."""

import time

from few_rights import Here, Story
from station import BATCH, DOMAIN

from shared import keys
from shared.suppressions import Suppression, editing
from shared.suppressions.compact import MOST_FRESH
from shared.suppressions.turns import EVERY_S
from shared.together import together

ROUNDS = 2


async def suppressions_are_folded_and_merged(here: Here) -> None:
    here.later_s = EVERY_S - (time.time() + EVERY_S / 2) % EVERY_S + 5  # its turn is young
    for number in range(ROUNDS):
        await suppress(here, number * (MOST_FRESH + 1))
        for _ in range(2):  # the first one makes the index
            await here.sweep()
            here.later_s += EVERY_S
    found = await here.keys(keys.suppressions(DOMAIN))
    assert found == [keys.suppression_index(DOMAIN)]
    merged = {keys.parse_suppressed(key) for key in await here.keys(keys.suppressed(DOMAIN))}
    assert len(merged) == 1
    rows = [{"email": address(0), "fields": {"name": "Gone"}}, *BATCH["recipients"]]
    answer = await here.call("POST", "/v1/batches", {**BATCH, "recipients": rows})
    assert [each["reason"] for each in answer.json["rejected_recipients"]] == ["suppressed"]
    await here.work_off()
    assert await here.outcomes(answer.json["batch"]) == {"delivered": 1}


def address(number: int) -> str:
    return f"reader-{number}@sink.example"


async def suppress(here: Here, first: int) -> None:
    for start in range(first, first + MOST_FRESH + 1, 50):
        entries = [
            Suppression(email=address(number), reason="manual", at=1.0)
            for number in range(start, min(start + 50, first + MOST_FRESH + 1))
        ]
        await together(editing.add(here.operator, DOMAIN, each) for each in entries)


STORIES: list[Story] = [suppressions_are_folded_and_merged]
