"""The process dies before and after every single write of every story, and a new one carries on.

Each story is run once without a death: that counts its writes and says how it has to end. Then it
is run again for each write, dying there; what a kill -9 leaves is the bucket, and a new process
goes on from it. The end has to be the same, to the byte, but for the times in Outcomes.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import msgspec
import pytest
from endings import MESSAGE, SCHEDULED, SEVEN, WITH_A_REJECTED_ROW, Ending, refuse, see_ending
from lives import Process, When, World, process, run, seeded_random, world
from station import DOMAIN

from shared import keys
from shared.outcome import FINAL
from shared.store.wrap import Died

Step = Callable[[Process], Awaitable[None]]
"""What an app does, or what time brings. Whoever dies in it is followed by one who repeats it."""


async def settle(process: Process) -> None:
    await process.settle()


def later(offset_s: float) -> Step:
    async def step(process: Process) -> None:
        process.world.at(offset_s)
        await process.settle()

    return step


def submit(batch: Any, **headers: str) -> Step:
    async def step(process: Process) -> None:
        if not headers and await process.world.keys(keys.SUBMITTED):
            return  # a repeat without an Idempotency-Key is another Batch: that is what it is for
        answer = await process.call("POST", "/v1/batches", batch, **headers)
        assert answer.status == 202, answer.json

    return step


def upload(name: str, body: bytes) -> Step:
    async def step(process: Process) -> None:
        await process.world.put({f"inbox/{DOMAIN}/{name}": body})

    return step


def cancel_at(offset_s: float) -> Step:
    async def step(process: Process) -> None:
        process.world.at(offset_s)
        (content,) = [key for key in await process.world.keys("batches/") if "content" in key]
        answer = await process.call("POST", f"/v1/batches/{content.split('/')[1]}/cancel")
        # It may have died when all was done, and only the answer was missing.
        assert answer.status == 202 or answer.json["title"] == "already done", answer.json

    return step


ONE_GONE = {"delivered": 6, "bounced": 1}
NOT_READABLE = "an upload that cannot be read, and another"

STORIES: dict[str, list[Step]] = {
    "a batch with a rejected row": [submit(WITH_A_REJECTED_ROW), settle, later(500)],
    "a batch with an idempotency key": [submit(SEVEN, idempotency_key="k1"), settle, later(500)],
    "a repeated call": [
        submit(SEVEN, idempotency_key="k1"),
        settle,
        submit(SEVEN, idempotency_key="k1"),
        settle,
        later(500),
    ],
    "two uploads": [
        upload("seven.json", msgspec.json.encode(SEVEN)),
        upload("fay.eml", MESSAGE),
        settle,
        later(500),
    ],
    NOT_READABLE: [upload("torn.json", b'{"sender": '), upload("fay.eml", MESSAGE), settle],
    "a scheduled batch": [submit(SCHEDULED), settle, later(3600), later(4200)],
    "a scheduled batch, cancelled": [submit(SCHEDULED), settle, cancel_at(1800), settle],
    "a batch cancelled between two attempts": [submit(SEVEN), settle, cancel_at(210), later(500)],
}


ENDS: dict[str, dict[str, int]] = {
    "two uploads": {"delivered": 7, "bounced": 1},
    NOT_READABLE: {"delivered": 1},
    "a scheduled batch, cancelled": {"cancelled": 7},
    "a batch cancelled between two attempts": {"delivered": 5, "bounced": 1, "cancelled": 1},
}


@dataclass
class Death:
    """What was when the process died."""

    recorded: set[str]
    """Recipients with an Outcome."""
    received: Counter[tuple[str, bytes]]


async def tell(
    story: list[Step], deaths: list[tuple[int, When]], one_by_one: bool = True
) -> tuple[Ending, list[Death], list[tuple[str, str]]]:
    """Live the story through, in one life more than there are deaths. Also what the first wrote."""
    async with world(refuse) as here:
        died: list[Death] = []
        left = list(story)
        writes: list[tuple[str, str]] = []
        for die_at, when in [*deaths, (None, "before")]:
            async with process(here, die_at, when, one_by_one=one_by_one) as alive:
                try:
                    while left:
                        await left[0](alive)
                        left.pop(0)
                except Died:
                    died.append(await see_death(here))
                writes = writes or alive.store.writes
        async with process(here) as last:
            here.now += 3600
            await last.settle()
        return await see_ending(here, failed=story == STORIES[NOT_READABLE]), died, writes


async def see_death(here: World) -> Death:
    recorded = {line.recipient for line in await here.outcomes() if line.outcome in FINAL}
    return Death(recorded, here.received())


def check(ending: Ending, expected: Ending, deaths: list[Death]) -> None:
    assert ending.outcomes == expected.outcomes
    assert ending.objects.keys() == expected.objects.keys()
    assert ending.objects == expected.objects
    assert ending.suppressed == expected.suppressed
    assert ending.received.keys() == expected.received.keys(), "the same mails, to the byte"
    for mail, times in ending.received.items():
        in_flight = [each for each in deaths if mail[0] not in each.recorded]
        assert times == 1 or mail[0] in ending.ambiguous, f"{mail[0]} got it twice, unmarked"
        assert times <= 1 + len(in_flight), f"{mail[0]} got it {times} times"
        for death in deaths:
            if mail[0] in death.recorded:
                assert times == death.received[mail], f"{mail[0]} got it again, after its Outcome"


@pytest.mark.parametrize("name", STORIES)
def test_dying_at_any_write_changes_nothing_but_repeats(name: str) -> None:
    die_everywhere(name, one_by_one=True)


@pytest.mark.parametrize("name", ["a batch with a rejected row", "two uploads"])
def test_neither_does_dying_with_many_bags_under_way(name: str) -> None:
    die_everywhere(name, one_by_one=False)


def die_everywhere(name: str, *, one_by_one: bool) -> None:
    story = STORIES[name]
    expected, _, writes = run(tell(story, [], one_by_one))
    finals = Counter(state for *_, state, _, _ in expected.outcomes if state in FINAL)
    assert finals == ENDS.get(name, ONE_GONE)
    assert max(expected.received.values(), default=1) == 1
    died = repeats = 0
    for number, when in product(range(1, len(writes) + 1), ("before", "after")):
        print(f"dying {when} write {number}: {writes[number - 1]}")
        ending, deaths, _ = run(tell(story, [(number, when)], one_by_one))
        check(ending, expected, deaths)
        died += len(deaths)
        repeats += ending.received.total() - expected.received.total()
    print(f"{name}: {died} deaths at {len(writes)} writes; {repeats} mails in flight repeated")
    assert died >= 2 * len(writes) - 2, "the last writes may differ from run to run, no others"


@pytest.mark.parametrize("name", STORIES)
def test_neither_does_dying_again_while_recovering(name: str) -> None:
    rng = seeded_random()
    story = STORIES[name]
    expected, _, writes = run(tell(story, []))
    for _ in range(10):
        places = [rng.randint(1, len(writes)), rng.randint(1, 12)]
        planned = [(place, rng.choice(("before", "after"))) for place in places]
        print(f"dying at {planned}")
        ending, deaths, _ = run(tell(story, planned))
        check(ending, expected, deaths)
