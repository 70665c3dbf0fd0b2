"""What is past its time is deleted, and nothing else."""

import asyncio

import pytest

from shared.retention import expire
from shared.store.base import list_all
from shared.store.memory import MemoryStore
from shared.store.wrap import CountingStore, Died, FaultStore


async def filled(count: int) -> tuple[MemoryStore, list[str]]:
    """Objects put one second after the other, from second 0."""
    now = [0.0]
    store = MemoryStore(lambda: now[0])
    names = []
    for number in range(count):
        now[0] = float(number)
        names.append(f"audit/{number:06d}")
        await store.put(names[-1], b"")
    await store.put("domains/x", b"")
    return store, names


async def left(store: MemoryStore) -> list[str]:
    return [entry.key async for entry in list_all(store, "audit/")]


@pytest.mark.parametrize("oldest_first", [False, True])
def test_what_is_older_is_deleted(oldest_first: bool) -> None:
    async def run() -> None:
        store, names = await filled(2500)
        assert await expire(store, "audit/", 2000.0, oldest_first=oldest_first) == 2000
        assert await left(store) == names[2000:]
        assert (await store.get("domains/x")).body == b""
        assert await expire(store, "audit/", 2000.0, oldest_first=oldest_first) == 0

    asyncio.run(run())


def test_keys_that_begin_with_their_time_are_listed_up_to_the_first_that_stays() -> None:
    async def run() -> int:
        inner, _ = await filled(5000)
        store = CountingStore(inner)
        await expire(store, "audit/", 10.0, oldest_first=True)
        return store.counts["list_page"]

    assert asyncio.run(run()) == 1


def test_old_among_young_is_found_where_keys_tell_no_time() -> None:
    async def run() -> None:
        store, names = await filled(3)
        await store.put("audit/zzz", b"")
        await store.put(names[0], b"")  # young again
        assert await expire(store, "audit/", 2.0) == 1
        assert await left(store) == [names[0], names[2], "audit/zzz"]

    asyncio.run(run())


def test_who_dies_in_between_is_followed_by_the_next() -> None:
    async def run() -> None:
        inner, names = await filled(10)
        with pytest.raises(Died):
            await expire(FaultStore(inner, die_at=4), "audit/", 8.0)
        assert await expire(inner, "audit/", 8.0) == 5
        assert await left(inner) == names[8:]

    asyncio.run(run())
