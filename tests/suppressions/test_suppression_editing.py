"""One address is taken away, or made nameless: wherever it stands, whatever else runs."""

import asyncio
from collections.abc import Callable

import pytest
from suppressed import DOMAIN, NOW, Suppressed, addresses, entry

from shared import keys
from shared.codec import unpack
from shared.store.base import list_all
from shared.store.memory import MemoryStore
from shared.store.wrap import Wrapper
from shared.suppressions import digest, editing
from shared.suppressions.compact import compact
from shared.suppressions.index import load

ANN = "ann@sink.example"
PLACES: dict[str, Callable[[Suppressed], object]] = {
    "fresh, without an index": lambda here: None,
    "fresh, beside an index": lambda here: here.compact(),
    "in a segment": lambda here: here.fold(),
    "in a segment, and fresh again": lambda here: (here.fold(), here.add(ANN, "complaint")),
    "in a segment among others": lambda here: (here.fold(), here.import_csv("bob@sink.example")),
}


@pytest.fixture(params=PLACES)
def here(request: pytest.FixtureRequest) -> Suppressed:
    here = Suppressed()
    here.add_all([ANN, *addresses(5)])
    PLACES[request.param](here)
    return here


def holding(here: Suppressed, text: str) -> list[str]:
    """The objects that have this text in them."""
    listed = here.stored()
    bodies = {key: bytes(unpack(here.do(here.store.get(key)).body)) for key in listed}
    return [key for key, body in bodies.items() if text.encode() in body.lower()]


def test_what_is_taken_away_may_be_written_to(here: Suppressed) -> None:
    assert here.remove("Ann@SINK.example")
    assert not here.knows(ANN)
    assert here.find(ANN) is None
    assert ANN not in here.emails()
    assert here.knows(*addresses(5))
    assert holding(here, ANN) == []
    here.compact()
    assert not here.knows(ANN)
    assert here.knows(*addresses(5))


def test_taking_it_away_again_says_that_it_was_not_there(here: Suppressed) -> None:
    assert here.remove(ANN)
    assert not here.remove(ANN)
    assert not here.remove("stranger@sink.example")
    assert here.knows(*addresses(5))


def test_it_can_be_suppressed_once_more(here: Suppressed) -> None:
    here.remove(ANN)
    here.add(ANN, "complaint", NOW + 9)
    for _ in range(3):
        assert here.knows(ANN)
        found = here.find(ANN)
        assert found is not None
        assert (found.reason, found.at) == ("complaint", NOW + 9)
        here.compact()


def test_what_is_nameless_is_still_suppressed(here: Suppressed) -> None:
    for _ in range(2):
        assert here.forget(ANN)
        assert here.knows(ANN)
        found = here.find(ANN)
        assert found is not None
        assert (found.email, found.digest, found.delivery) == ("", digest(ANN), "")
        assert holding(here, ANN) == []
        here.compact()
    assert here.emails() - {""} == {*addresses(5)} | (here.emails() & {"bob@sink.example"})
    assert here.remove(ANN)
    assert not here.knows(ANN)


def test_who_is_not_suppressed_does_not_become_so_by_being_forgotten(here: Suppressed) -> None:
    assert not here.forget("stranger@sink.example")
    assert not here.knows("stranger@sink.example")


class WhileItFolds(Wrapper):
    """Does something else between a compaction's reading and its end."""

    def __init__(self, inner: MemoryStore, act: Callable[[MemoryStore], object]) -> None:
        super().__init__(inner)
        self._act = act

    async def put(self, key: str, body: bytes) -> str:
        if self._act is not None and key.endswith("digests"):
            act, self._act = self._act, None  # type: ignore[assignment]
            await act(self.inner)  # type: ignore[misc, arg-type]
        return await self.inner.put(key, body)


@pytest.mark.parametrize("was", ["fresh", "folded"])
@pytest.mark.parametrize("edit", [editing.remove, editing.make_nameless])
def test_a_compaction_does_not_bring_back_what_was_edited_meanwhile(
    was: str, edit: Callable[..., object]
) -> None:
    here = Suppressed()
    here.add_all([ANN, *addresses(5)])
    if was == "folded":
        here.fold()
        here.add_all(addresses(5, 10))
    else:
        here.compact()
    here.now += 3600
    slow = WhileItFolds(here.store, lambda store: edit(store, DOMAIN, digest(ANN)))  # type: ignore[arg-type]
    assert here.do(compact(slow, DOMAIN, here.clock, 0)).waits
    for _ in range(2):
        assert ANN not in here.emails()
        assert here.knows(ANN) == (edit is editing.make_nameless)
        assert here.knows(*addresses(5))
        assert holding(here, ANN) == []
        here.compact()


def test_what_is_suppressed_anew_while_a_compaction_clears_away_stays() -> None:
    """It folds, deletes what it folded, and the same address comes back in between."""
    here = Suppressed()
    here.add_all([ANN, *addresses(3)])
    here.compact()
    here.now += 3600

    class WhileItDeletes(Wrapper):
        done = False

        async def delete(self, *names: str) -> None:
            if not self.done and any(digest(ANN) in name for name in names):
                self.done = True
                await editing.remove(here.store, DOMAIN, digest(ANN))
                await editing.add(here.store, DOMAIN, entry(ANN, "complaint", NOW + 7))
            await self.inner.delete(*names)

    here.do(compact(WhileItDeletes(here.store), DOMAIN, here.clock, 0))
    assert here.knows(ANN)
    here.compact()
    found = here.find(ANN)
    assert found is not None
    assert found.reason == "complaint"


def test_a_listing_that_is_under_way_shows_each_one_though_all_are_folded_meanwhile() -> None:
    here = Suppressed()
    here.add_all(addresses(100))
    here.compact()
    here.now += 3600

    async def story() -> set[str]:
        shown = editing_listing(here)
        first = await anext(shown)
        await compact(here.store, DOMAIN, here.clock, 0)
        return {first, *[each async for each in shown]}

    assert here.do(story()) == set(addresses(100))


async def editing_listing(here: Suppressed):  # type: ignore[no-untyped-def]
    from shared.suppressions.listing import everything

    async for each in everything(here.store, DOMAIN):
        yield each.email


def test_who_remembers_an_old_index_reads_the_new_one() -> None:
    """Its segments were merged away between the listing and the reading of their digests."""
    here = Suppressed()
    here.add_all(addresses(3))
    here.fold()
    asked = here.asked()

    class MergesFirst(Wrapper):
        done = False

        async def get(self, key: str):  # type: ignore[no-untyped-def]
            if key.endswith("digests") and not self.done:
                self.done = True
                here.now += 3600
                await editing.add(here.store, DOMAIN, entry(ANN))
                await compact(here.store, DOMAIN, here.clock, 0)
            return await self.inner.get(key)

    asked._store = MergesFirst(here.store)
    known = here.do(asked.of(DOMAIN))
    assert all(digest(each) in known for each in [ANN, *addresses(3)])


def test_many_who_ask_at_once_read_a_segment_once() -> None:
    here = Suppressed()
    here.import_csv("\n".join(addresses(100)))
    reads: list[str] = []

    class Counts(Wrapper):
        async def get(self, key: str):  # type: ignore[no-untyped-def]
            reads.append(key)
            await asyncio.sleep(0)
            return await self.inner.get(key)

    here.store, inner = Counts(here.store), here.store
    asked = here.asked()

    async def many() -> None:
        await asyncio.gather(*(asked.of(DOMAIN) for _ in range(20)))

    here.do(many())
    assert sum(key.endswith("digests") for key in reads) == 1
    here.store = inner


def test_segments_of_who_was_not_asked_for_longest_are_let_go() -> None:
    from shared.suppressions.reading import KeptSegments

    here = Suppressed()
    here.import_csv("\n".join(addresses(1000)))
    kept = KeptSegments(most_bytes=20_000)
    index, _ = here.do(load(here.store, DOMAIN))

    async def copy() -> None:
        async for each in list_all(here.store, keys.suppressed(DOMAIN)):
            body = (await here.store.get(each.key)).body
            for name in ("a.example", "b.example", "c.example"):
                await here.store.put(each.key.replace(DOMAIN, name), body)

    here.do(copy())
    for name in ("a.example", "b.example", "a.example", "c.example"):
        here.do(kept.of(here.store, name, index))
    assert list(kept._kept) == ["a.example", "c.example"]
