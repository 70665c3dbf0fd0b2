"""Uploads that fail and are put again, in SeaweedFS: keys have limits, and times are seconds."""

import asyncio
import json

import pytest
from desk import BATCH, DOMAIN, Desk
from seaweed import Seaweed

from functions.submit import inbox
from functions.sweep.waking import Waking
from shared import failures, keys
from shared.failures import Filter
from shared.stage import Wake, run
from shared.store import open_store
from shared.store.base import Store, list_all


async def keys_below(store: Store, prefix: str) -> list[str]:
    return [entry.key async for entry in list_all(store, prefix)]


@pytest.mark.parametrize("size", [20, 240, 250, 251, 255])
def test_an_upload_fails_is_put_back_and_is_one_batch(seaweed: Seaweed, size: int) -> None:
    async def story(store: Store, desk: Desk) -> None:
        key = keys.inbox(DOMAIN, "a" * (size - 5) + ".json")
        desk.core.store = store

        async def take(taken: str) -> None:
            await run(inbox.stage(desk.core), store, lambda: desk.now, Wake(taken))

        await store.put(key, b"{torn")
        await take(key)
        ((place, failure),) = [each async for each in failures.find(store, Filter())]
        assert failure.body == b"{torn"
        await failures.replay(store, place, failure)
        await take((await keys_below(store, keys.INBOX))[0])
        assert len(await keys_below(store, keys.FAILED)) == 1
        await failures.discard(store, place)

        await store.put(key, json.dumps(BATCH).encode())
        await Waking(store, {}).wake(Wake(key))
        (again,) = await keys_below(store, keys.INBOX)
        await Waking(store, {}).wake(Wake(again))
        await take(again)
        await take(key)
        assert await keys_below(store, keys.INBOX) == []
        assert len(await keys_below(store, keys.SUBMITTED)) == 1

    async def with_bucket(desk: Desk) -> None:
        store = open_store(seaweed.url(f"uploads-{size}"))
        try:
            await story(store, desk)
        finally:
            await store.close()

    asyncio.run(with_bucket(Desk()))
