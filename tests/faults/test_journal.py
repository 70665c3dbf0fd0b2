"""The journal beside the lease: what stands in it is never sent again, wherever the sender dies."""

from itertools import count
from typing import Any

import msgspec
import pytest
from lives import Died, World, dispatched_bag, process, run, world

from functions.send.journal import JournalTurns
from shared import keys
from shared.outcome import Outcome, decode_lines, encode_lines

ALL_AT_ONCE: dict[str, Any] = {"flush_outcomes": 200}
"""Without a journal a sender that dies would lose all twelve Outcomes."""


async def journaled(here: World) -> set[str]:
    """The Recipients whose Outcome stands in a journal."""
    recipients: set[str] = set()
    for key in await here.keys(keys.LEASES):
        lines = (await here.store.get(key)).body.partition(b"\n")[2]
        recipients |= {outcome.recipient for outcome in decode_lines(lines)}
    return recipients


async def recorded(here: World) -> list[Outcome]:
    return sorted(await here.outcomes(), key=lambda each: each.delivery)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_sender_that_dies_leaves_its_journal_to_the_next(when: Any) -> None:
    for die_at in count(1):
        if run(one_death(die_at, when)) == 0:
            return


async def one_death(die_at: int, when: Any) -> int:
    """Die at this write; 0 when there were not so many."""
    async with world() as here:
        bag = await dispatched_bag(here)
        died = 0
        async with process(here, die_at, when, journal=JournalTurns(), **ALL_AT_ONCE) as first:
            try:
                await first.do(bag)
            except Died:
                died = 1
        known = await journaled(here) | {each.recipient for each in await here.outcomes()}
        async with process(here, journal=JournalTurns(), **ALL_AT_ONCE) as second:
            await second.do(bag)
        assert len(await recorded(here)) == 12
        assert await here.open_work() == []
        ambiguous = {each.recipient for each in await here.outcomes() if each.ambiguous}
        for (recipient, _), times in here.received().items():
            assert times == 1 or recipient not in known, f"{recipient} was known to be sent"
            assert times == 1 or recipient in ambiguous
        return died


def test_an_outcome_that_is_in_the_journal_and_in_the_batch_counts_once() -> None:
    async def story() -> None:
        async with world() as here:
            bag = await dispatched_bag(here)
            place = keys.lease(*keys.parse_dispatched(bag.key))
            async with process(here, **ALL_AT_ONCE) as first:
                await first.do(bag)
            lines = await recorded(here)
            lease = msgspec.json.encode({"owner": "the dead", "until": here.now - 100})
            await here.put({place: lease + b"\n" + encode_lines(lines[:5])})
            await here.put({bag.key: bag.body or b""})
            async with process(here, **ALL_AT_ONCE) as second:
                await second.do(bag)
            assert await recorded(here) == lines
            assert here.sink.accepted == 12

    run(story())
