"""Destinations that an operator has paused: `control/paused/<name>.json`.

The name is a recipient's domain, a mail server, or a name above it: `google.com` pauses all of
Google's servers. A process that sweeps looks with each sweep; another one looks before it sends, if
its last look is a while ago. So all senders of a bucket obey, and a mail pays nothing for it.
"""

import asyncio
import logging
from contextlib import suppress

import msgspec

from shared import keys
from shared.errors import EkidenError, NotFound
from shared.store.base import Store, list_all

LOOK_S = 30.0

log = logging.getLogger("ekiden.send")


class Pause(msgspec.Struct, frozen=True):
    """`control/paused/<name>.json`."""

    reason: str
    at: float
    """Since when, seconds since 1970."""


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
            self._reasons = await read_pauses(self._store)
        except EkidenError as error:
            log.warning("what is paused could not be read, and stays as it was: %s", error)


async def read_pauses(store: Store) -> dict[str, str]:
    """Name → reason of all that is paused."""
    reasons: dict[str, str] = {}
    async for entry in list_all(store, keys.PAUSED):
        with suppress(NotFound):  # resumed just now
            body = (await store.get(entry.key)).body
            reasons[keys.parse_paused(entry.key)] = _reason(body)
    return reasons


def _reason(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=Pause).reason or "paused by an operator"
    except msgspec.MsgspecError:  # its name says all that counts, and no mail must fail over it
        return "paused by an operator; the reason cannot be read"


async def pause(store: Store, name: str, reason: str, at: float) -> None:
    await store.put(keys.paused(_plain(name)), msgspec.json.encode(Pause(reason, at)))


async def resume(store: Store, name: str) -> None:
    await store.delete(keys.paused(_plain(name)))


def _plain(name: str) -> str:
    return name.strip().lower().rstrip(".")
