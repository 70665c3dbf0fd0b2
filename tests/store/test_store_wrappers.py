"""The stores that count, die and fail."""

import asyncio
from random import Random

import pytest

from shared.errors import AlreadyExists, StoreUnavailable
from shared.store.memory import MemoryStore
from shared.store.wrap import CountingStore, Died, FaultStore, FlakyStore


async def relay(store: FaultStore) -> None:
    await store.create("in", b"1")
    await store.get("in")
    await store.put("out", b"2")
    await store.delete("in", "never")


def test_requests_are_counted_by_operation() -> None:
    async def scenario() -> None:
        store = CountingStore(MemoryStore())
        await store.create("a", b"1")
        with pytest.raises(AlreadyExists):
            await store.create("a", b"1")
        await store.delete("a", "b", "c")
        await store.list_page("")
        assert store.counts == {"create": 2, "delete": 1, "list_page": 1}
        assert store.total == 4

    asyncio.run(scenario())


def test_a_store_that_is_not_to_die_lists_its_writes() -> None:
    store = FaultStore(MemoryStore())
    asyncio.run(relay(store))
    assert store.writes == [("create", "in"), ("put", "out"), ("delete", "in"), ("delete", "never")]


@pytest.mark.parametrize(
    ("die_at", "when", "left"),
    [
        (1, "before", []),
        (1, "after", ["in"]),
        (2, "before", ["in"]),
        (2, "after", ["in", "out"]),
        (3, "before", ["in", "out"]),
        (3, "after", ["out"]),
    ],
)
def test_death_leaves_what_was_written_before_it(die_at: int, when: str, left: list[str]) -> None:
    inner = MemoryStore()
    with pytest.raises(Died):
        asyncio.run(relay(FaultStore(inner, die_at, when)))  # type: ignore[arg-type]
    assert [entry.key for entry in asyncio.run(inner.list_page(""))] == left


def test_the_dead_do_nothing_more() -> None:
    async def scenario() -> None:
        inner = MemoryStore()
        store = FaultStore(inner, die_at=1)
        with pytest.raises(Died):
            await store.create("a", b"1")
        for call in (store.get("a"), store.put("a", b"1"), store.delete("a"), store.list_page("")):
            with pytest.raises(Died):
                await call
        assert await inner.list_page("") == []

    asyncio.run(scenario())


def test_death_passes_through_code_that_catches_every_exception() -> None:
    assert not issubclass(Died, Exception)


def test_a_flaky_store_fails_before_and_after_the_work() -> None:
    seed = 7
    print(f"seed {seed}")

    async def scenario() -> None:
        inner = MemoryStore()
        store = FlakyStore(inner, Random(seed), rate=0.5)
        ends = await asyncio.gather(
            *(store.create(f"{n:03d}", b"x") for n in range(200)), return_exceptions=True
        )
        failed = {n for n, end in enumerate(ends) if isinstance(end, StoreUnavailable)}
        stored = {int(entry.key) for entry in await inner.list_page("")}
        assert failed - stored, "some failed before the work"
        assert failed & stored, "some failed after it"
        assert set(range(200)) - failed <= stored, "what succeeded is there"

    asyncio.run(scenario())


def test_a_flaky_store_of_rate_zero_never_fails() -> None:
    async def scenario() -> None:
        store = FlakyStore(MemoryStore(), Random(1), rate=0.0)
        for n in range(100):
            await store.create(str(n), b"x")

    asyncio.run(scenario())
