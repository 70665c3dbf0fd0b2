"""Is a function ready? Its store answers; for `send`, it also keeps conditional puts."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from shared import keys
from shared.errors import EkidenError
from shared.http import Response, as_json
from shared.store.base import Store
from shared.store.probe import probe

REMEMBERED_S = 5.0
"""Orchestrators ask often, and each look is a request to the store."""


class Readiness:
    """Answers `/readyz` for one stage: with 503 as long as the store does not answer."""

    def __init__(self, store: Store, stage: str, counts: Counter[str]) -> None:
        self._store = store
        self._prefix = next(prefix for prefix, taker in keys.WORK.items() if taker == stage)
        self._stage = stage
        self._to_probe = stage == "send"  # only it takes leases, which rest on conditional puts
        self._counts = counts
        self._state = ""
        self._looked_at = float("-inf")
        self._looking = asyncio.Lock()

    async def answer(self) -> Response:
        async with self._looking:  # who comes meanwhile waits for the same look
            now = asyncio.get_running_loop().time()
            if now - self._looked_at >= REMEMBERED_S:
                self._state = await self._look()
                self._looked_at = now
        body = {"store": self._state, "stage": self._stage, "events": dict(self._counts)}
        return as_json(200 if self._state == "ok" else 503, body)

    async def _look(self) -> str:
        """List what this stage works on: it may, also where functions have few rights."""
        try:
            await self._store.list_page(self._prefix, limit=1)
            if self._to_probe:
                await probe(self._store)
                self._to_probe = False
        except EkidenError as error:
            return str(error)
        return "ok"


def listing(store: Store) -> Callable[[], Awaitable[Response]]:
    """Readiness of a function that has no stage: its store answers."""

    async def ready() -> Response:
        try:
            await store.list_page(keys.DOMAINS, limit=1)
        except EkidenError as error:
            return as_json(503, {"store": str(error)})
        return as_json(200, {"store": "ok"})

    return ready
