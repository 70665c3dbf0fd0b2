"""A compaction, an import or an edit dies at any of its writes, and another one goes on."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from itertools import product
from random import Random
from secrets import randbits
from typing import Any

import pytest
from suppressed import DOMAIN, NOW, SlowStore, Suppressed, addresses, entry, everything, importing

from shared.domains import Directory
from shared.errors import Temporary
from shared.store.base import Store
from shared.store.wrap import Died, FaultStore, FlakyStore
from shared.suppressions import Suppressions, digest, editing
from shared.suppressions.compact import compact
from shared.suppressions.index import BUILDING_S

ANN = "ann@sink.example"
Act = Callable[[Store, float], Awaitable[Any]]


async def folding(store: Store, now: float) -> Any:
    return await compact(store, DOMAIN, lambda: now, 0)


async def importing_some(store: Store, now: float) -> Any:
    lines = [f"{each}\n".encode() for each in addresses(30, 15)]
    return await importing(store, lines, lambda: now)


async def removing(store: Store, now: float) -> Any:
    return await editing.remove(store, DOMAIN, digest(ANN))


async def forgetting(store: Store, now: float) -> Any:
    return await editing.make_nameless(store, DOMAIN, digest(ANN))


ACTS: dict[str, Act] = {
    "a compaction": folding,
    "an import": importing_some,
    "taking away": removing,
    "making nameless": forgetting,
}


def filled(*, folded: bool) -> Suppressed:
    """With segments, fresh entries, and one of the edited address in each."""
    here = Suppressed()
    here.add_all([ANN, *addresses(10)])
    here.compact()
    if folded:
        here.compact()
        here.import_csv("\n".join(addresses(2, 40)))
        here.add_all([ANN, *addresses(10, 10)], reason="complaint")
    here.now += 3600
    return here


def known_to_all(here: Suppressed) -> set[str]:
    """What the check, the listing and the single look say; they have to agree."""
    listed = here.entries()
    digests = [each.digest or digest(each.email) for each in listed]
    assert len(digests) == len(set(digests)), "each address once"
    known = here.do(here.asked().of(DOMAIN))
    assert all(each in known for each in digests)
    assert (digest(ANN) in known) == (here.find(ANN) is not None) == (digest(ANN) in digests)
    return set(digests)


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("name", ACTS)
def test_dying_at_any_write_loses_nothing(name: str, folded: bool) -> None:
    act = ACTS[name]
    whole = filled(folded=folded)
    before = known_to_all(whole)
    counted = FaultStore(whole.store)
    whole.do(act(counted, whole.now))
    after = known_to_all(whole)
    for number, when in product(range(1, len(counted.writes) + 1), ("before", "after")):
        print(f"dying {when} write {number}: {counted.writes[number - 1]}")
        here = filled(folded=folded)
        with pytest.raises(Died):
            here.do(act(FaultStore(here.store, number, when), here.now))
        assert known_to_all(here) >= before & after
        assert known_to_all(here) <= before | after
        here.do(act(here.store, here.now))
        here.now += BUILDING_S
        here.do(folding(here.store, here.now))
        assert known_to_all(here) == after
        assert here.fresh() == []
        assert here.segments() == here.named(), "nothing is left over"
    assert counted.writes


def seeded_random() -> Random:
    seed = int(os.environ.get("EKIDEN_TEST_SEED", 0)) or randbits(32)
    print(f"EKIDEN_TEST_SEED={seed}")
    return Random(seed)


@pytest.mark.parametrize("turn", range(12))
def test_all_at_once_in_any_order_lose_nothing(turn: int) -> None:
    """Adding, compacting, importing, editing and reading, over a store where each call takes a
    while by chance. Each address belongs to one writer, so what has to be there is known."""
    chance = seeded_random()
    here = Suppressed()
    here.add_all(addresses(60))
    here.compact()
    here.now += 3600
    slow = SlowStore(here.store, chance)
    expected = set(addresses(60))

    async def adds(first: int) -> None:
        for each in addresses(20, first):
            await editing.add(slow, DOMAIN, entry(each, "complaint", NOW + first))
            expected.add(each)

    async def edits(first: int) -> None:
        for each in addresses(10, first):
            if chance.random() < 0.5:
                assert await again(lambda: editing.remove(slow, DOMAIN, digest(each)))  # noqa: B023
                expected.discard(each)
                if chance.random() < 0.5:
                    await editing.add(slow, DOMAIN, entry(each, "unsubscribed", NOW + 77))
                    expected.add(each)
            else:
                assert await again(lambda: editing.make_nameless(slow, DOMAIN, digest(each)))  # noqa: B023

    async def imports(first: int) -> None:
        lines = [f"{each}\n".encode() for each in addresses(15, first)]
        assert (await importing(slow, lines, here.clock)).added == 15
        expected.update(addresses(15, first))

    async def compacts() -> None:
        for _ in range(6):
            await again(lambda: compact(slow, DOMAIN, here.clock, chance.choice((0, 5))))

    async def reads() -> None:
        lasting = {digest(each) for each in addresses(10, 50)}  # nobody touches these
        for _ in range(10):
            known = await Suppressions(slow, Directory(slow, here.clock)).of(DOMAIN)
            assert all(each in known for each in lasting)
            listed = {each.digest or digest(each.email) for each in await everything(slow)}
            assert lasting <= listed

    async def story() -> None:
        await asyncio.gather(
            *(adds(1000), adds(2000), imports(3000), imports(4000), edits(0), edits(20)),
            *(compacts(), compacts(), reads(), reads()),
        )

    here.do(story())
    for _ in range(2):
        assert known_to_all(here) == {digest(each) for each in expected}
        here.now += BUILDING_S
        here.compact()
    assert here.fresh() == []
    assert here.segments() == here.named()


async def again(act: Callable[[], Awaitable[Any]]) -> Any:
    """As a caller does when it is told to."""
    for _ in range(50):
        try:
            return await act()
        except Temporary:
            await asyncio.sleep(0)
    raise AssertionError("it never worked")


@pytest.mark.parametrize("turn", range(5))
def test_a_store_that_fails_now_and_then_loses_nothing(turn: int) -> None:
    chance = seeded_random()
    here = filled(folded=True)
    before = known_to_all(here)
    flaky = FlakyStore(here.store, chance, 0.1)
    for name in chance.choices(list(ACTS), k=15):
        here.now += 3600

        async def step(name: str = name) -> None:
            await again(lambda: ACTS[name](flaky, here.now))

        here.do(step())
        lost = before - known_to_all(here)
        assert lost <= {digest(ANN)}
    here.now += BUILDING_S
    here.compact()
    assert here.segments() == here.named()
