"""Plain listing, for stores that tell nobody anything. A pass takes one request for each 1,000
work objects that are open below a prefix, and one for a prefix with none."""

import asyncio

from ekiden.sources.delivery import Delivery
from ekiden.sources.intake import Intake, SourceAway
from shared.errors import EkidenError
from shared.stage import Wake
from shared.store.base import Store, list_all


class ListingSource:
    """Looks for open work again and again. What is under way is not brought a second time."""

    def __init__(
        self, intake: Intake, delivery: Delivery, store: Store, interval_s: float = 0.0
    ) -> None:
        self._intake = intake
        self._delivery = delivery
        self._store = store
        self._interval_s = interval_s

    async def feed(self) -> None:
        """Raises `SourceAway`."""
        while True:
            await self.once()
            await asyncio.sleep(self._interval_s)

    async def once(self) -> None:
        """One pass: return when all that is open has been begun. Raises `SourceAway`."""
        try:
            for prefix in self._delivery.prefixes:
                async for entry in list_all(self._store, prefix):
                    if not self._delivery.is_under_way(entry.key):
                        await self._intake.places.take()
                        wake = Wake(entry.key, size_bytes=entry.size_bytes)
                        self._intake.start(self._intake.take_keys([wake]))
        except EkidenError as error:
            raise SourceAway(f"the store cannot be listed: {error}") from error
        self._intake.up()

    async def close(self) -> None:
        """Nothing is kept."""
