"""Plain listing, for stores that tell nobody anything. A pass takes one request for each 1,000
work objects that are open below a prefix, and one for a prefix with none."""

import asyncio

from ekiden.sources.delivery import Delivery
from ekiden.sources.intake import Intake, Places, SourceAway
from shared.errors import EkidenError, StoreRefused
from shared.stage import Wake
from shared.store.base import Store, list_all
from shared.together import together


class ListingSource:
    """Looks for open work again and again. What is under way is not brought a second time.

    Each prefix is looked through for itself, with places of its own: a stage that hangs, or a
    prefix that the store refuses to list, holds up no other.
    """

    def __init__(
        self, intake: Intake, delivery: Delivery, store: Store, interval_s: float = 0.0
    ) -> None:
        self._intake = intake
        self._delivery = delivery
        self._store = store
        self._interval_s = interval_s
        self._places = {each: Places(intake.max_in_flight) for each in delivery.prefixes}
        self._refused: dict[str, str] = {}  # prefix → why

    async def feed(self) -> None:
        """Raises `SourceAway`."""
        looking = [asyncio.create_task(self._look_again(prefix)) for prefix in self._places]
        try:
            done, _ = await asyncio.wait(looking, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in looking:
                task.cancel()
            await asyncio.gather(*looking, return_exceptions=True)

    async def _look_again(self, prefix: str) -> None:
        while True:
            await self._look(prefix)
            await asyncio.sleep(self._interval_s)

    async def once(self) -> None:
        """One pass: return when all that is open has been begun. Raises `SourceAway`."""
        await together(self._look(prefix) for prefix in self._places)

    async def _look(self, prefix: str) -> None:
        places = self._places[prefix]
        try:
            async for entry in list_all(self._store, prefix):
                if not self._delivery.is_under_way(entry.key):
                    await places.take()
                    wake = Wake(entry.key, size_bytes=entry.size_bytes)
                    self._intake.start(self._intake.take_keys([wake]), places)
        except StoreRefused as error:
            self._refused[prefix] = f"the store cannot be listed: {error}"
        except EkidenError as error:
            raise SourceAway(f"the store cannot be listed: {error}") from error
        else:
            self._refused.pop(prefix, None)
        self._say()

    def _say(self) -> None:
        if self._refused:
            self._intake.down(next(iter(self._refused.values())))
        else:
            self._intake.up()

    async def close(self) -> None:
        """Nothing is kept."""
