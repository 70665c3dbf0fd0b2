"""What an operator has paused (`shared/pauses.py`), as senders look at it.

`google.com` pauses all of Google's servers. A process that sweeps looks with each sweep; another
one looks before it sends, if its last look is a while ago. So all senders of a bucket obey, and a
mail pays nothing for it.
"""

import asyncio
import logging

from shared import pauses
from shared.errors import EkidenError
from shared.store.base import Store

LOOK_S = 30.0
UNSAID = "paused by an operator"

log = logging.getLogger("ekiden.send")


class Pauses:
    """What is paused, as of some seconds ago."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reasons: dict[str, str] = {}
        self._looked_at = float("-inf")
        self._looking = asyncio.Lock()

    def why(self, name: str) -> str:
        """Why a domain or a server is paused; empty if it is not."""
        if not self._reasons:
            return ""
        name = name.lower()
        while name:
            if name in self._reasons:
                return self._reasons[name]
            name = name.partition(".")[2]
        return ""

    async def look_again(self) -> None:
        """Read what is paused, unless that was done a while ago."""
        async with self._looking:  # who comes meanwhile has to know, too
            if asyncio.get_running_loop().time() - self._looked_at >= LOOK_S:
                await self.look()

    async def look(self) -> None:
        """Read what is paused."""
        self._looked_at = asyncio.get_running_loop().time()
        try:
            found = await pauses.read(self._store)
            self._reasons = {name: each.reason or UNSAID for name, each in found.items()}
        except EkidenError as error:
            log.warning("what is paused could not be read, and stays as it was: %s", error)
