"""`notify` dies before and after each of its writes; a new process tells what was not told."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import product
from typing import Literal

import pytest
from notify_world import BATCH, Here, delivered, notify_world
from receiver import Receiver, Told, receiver

from shared import keys
from shared.ids import delivery_id
from shared.store.wrap import Died, FaultStore

COUNT = 6
When = Literal["before", "after"]


def all_well(told: Told) -> int:
    return 204


def every_other(there: Receiver) -> Callable[[Told], int]:
    """Half of what is told for the first time is not taken."""

    def answer(told: Told) -> int:
        return 500 if len(there.ids) % 2 and there.ids.count(told.id) == 1 else 204

    return answer


async def live(here: Here, there: Receiver, die_at: int | None, when: When) -> FaultStore:
    """One process dies, others carry on until nothing is left."""
    stores: list[FaultStore] = []

    def mortal(inner: object) -> FaultStore:
        stores.append(FaultStore(inner, die_at, when))  # type: ignore[arg-type]
        return stores[0]

    here.begin(mortal)
    with suppress(Died):
        await here.settle()
        await here.later(10)
    here.endpoints.close()
    here.begin()
    for after_s in (0, 10, 400, 2500):
        await here.later(after_s)
    return stores[0]


async def tell(failing: bool, die_at: int | None, when: When) -> tuple[Counter[str], FaultStore]:
    async with receiver() as there, notify_world() as here:
        there.answer = every_other(there) if failing else all_well
        await here.webhook(there.url)
        await here.happened(*delivered(COUNT))
        store = await live(here, there, die_at, when)
        assert await here.keys(keys.NOTIFYING) == []
        assert await here.keys(keys.WAITING) == await here.keys(keys.FAILED) == []
        taken = {each.delivery for each in await here.log() if each.taken}
        assert taken == {delivery_id(BATCH, 0, n) for n in range(COUNT)}
        assert len(set(there.ids)) == COUNT, "a repeat has the id of the first time"
        return Counter(each.json["data"]["delivery"] for each in there.told), store


@pytest.mark.parametrize("failing", [False, True])
def test_dying_at_any_write_loses_nothing(failing: bool) -> None:
    told, store = asyncio.run(tell(failing, None, "before"))
    assert len(told) == COUNT
    if not failing:
        assert set(told.values()) == {1}, "exactly once, when nobody dies"
    died = 0
    for number, when in product(range(1, len(store.writes) + 1), ("before", "after")):
        again, mortal = asyncio.run(tell(failing, number, when))
        assert again.keys() == told.keys(), f"dying {when} write {number}: {store.writes}"
        died += mortal.dead
    assert died == 2 * len(store.writes)


def test_send_announces_again_what_it_announced_before_it_died() -> None:
    """The call was told and deleted; the Bag is done again: its repeat says nothing new."""

    async def story() -> None:
        async with receiver() as there, notify_world() as here:
            await here.webhook(there.url)
            first = await here.happened(*delivered(2))
            assert await here.happened(*delivered(2)) == first
            assert len(await here.work()) == 1
            await here.settle()
            await here.happened(*delivered(2))
            await here.settle()
            assert set(Counter(there.ids).values()) == {2}

    asyncio.run(story())
