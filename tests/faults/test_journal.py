"""The journal beside the lease: what stands in it is never sent again, wherever the sender dies."""

import gc
from itertools import count
from typing import Any

import msgspec
import pytest
from lives import START, Died, World, dispatched_bag, process, run, world
from station import DOMAIN

from functions.send import bagfile
from functions.send.journal import JournalTurns
from functions.send.open_bag import OpenBag
from shared import keys
from shared.errors import Busy
from shared.model import BagHeader, Envelope
from shared.outcome import Outcome, decode_lines, encode_lines
from shared.stage import Wake

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


def test_an_orderly_stop_after_a_kill_leaves_word_of_it() -> None:
    """Who has the Bag next has to know that the first sender may have sent what nobody noted."""

    async def story() -> None:
        async with world() as here:
            bag = await dispatched_bag(here)
            place = keys.lease(*keys.parse_dispatched(bag.key))
            lease = msgspec.json.encode({"owner": "the dead", "until": here.now - 100})
            await here.put({place: lease + b"\n"})
            async with process(here, **ALL_AT_ONCE) as second:
                second.transmitter.stop()
                with pytest.raises(Busy):
                    await second.do(bag)
            assert here.sink.accepted == 0
            async with process(here, **ALL_AT_ONCE) as third:
                await third.do(bag)
            assert {each.ambiguous for each in await here.outcomes()} == {True}
            assert await here.keys(keys.LEASES) == []

    run(story())


def test_a_finished_bag_is_let_go_of_at_once() -> None:
    """Not when the collector looks for circles: 500 mails would stay for as long."""

    async def story() -> None:
        async with world() as here:
            bag = await dispatched_bag(here)
            async with process(here) as alive:
                await alive.do(bag)
                gc.collect()
                gc.disable()
                try:
                    key = keys.dispatched("01mcc5rm00000000000000000z", 0, 0)
                    await here.put({key: another_bag()})
                    before = open_bags()
                    await alive.do(Wake(key))
                    assert open_bags() == before
                finally:
                    gc.enable()

    run(story())


def another_bag() -> bytes:
    batch = "01mcc5rm00000000000000000z"
    header = BagHeader(batch=batch, bag=0, attempt=0, domain=DOMAIN, due_at=START)
    return bagfile.encode_bag(header, [Envelope(n=0, recipient="x@sink.example", message=["x"])])


def open_bags() -> int:
    return len([each for each in gc.get_objects() if isinstance(each, OpenBag)])
