"""A store that ignores conditions is found out before it does harm."""

import asyncio
from pathlib import Path

import pytest
from seaweed import Seaweed

from shared.errors import StoreRefused
from shared.store import Store, open_store
from shared.store.memory import MemoryStore
from shared.store.probe import probe


class IgnoresIfNoneMatch(MemoryStore):
    async def create(self, key: str, body: bytes) -> str:
        return await self.put(key, body)


class IgnoresIfMatch(MemoryStore):
    async def replace(self, key: str, body: bytes, etag: str) -> str:
        return await self.put(key, body)


class MistakesEtags(MemoryStore):
    async def replace(self, key: str, body: bytes, etag: str) -> str:
        return await super().replace(key, body, f"W/{etag}")


def left_behind(store: Store) -> list[str]:
    return [entry.key for entry in asyncio.run(store.list_page("probe/"))]


def test_stores_that_keep_conditions_pass_and_nothing_is_left(
    tmp_path: Path, seaweed: Seaweed
) -> None:
    for url in ("memory:", f"sqlite:///{tmp_path}/o.db", seaweed.url("probing")):
        store = open_store(url)
        asyncio.run(probe(store))
        assert left_behind(store) == []
        asyncio.run(store.close())


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (IgnoresIfNoneMatch, "create-only"),
        (IgnoresIfMatch, "wrong ETag"),
        (MistakesEtags, "right ETag"),
    ],
)
def test_a_store_that_breaks_conditions_is_refused_with_advice(
    kind: type[MemoryStore], says: str
) -> None:
    store = kind()
    with pytest.raises(StoreRefused, match=says) as refused:
        asyncio.run(probe(store))
    assert "Use a store that" in str(refused.value)
    assert left_behind(store) == []
