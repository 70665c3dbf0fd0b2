"""Suppressions: addresses that a Domain must not write to any more, and why.

One object an address, named by the address's digest, so that one listing tells which addresses
are suppressed without reading them.
"""

import hashlib

import msgspec

from shared import keys
from shared.address import identity
from shared.domains import Directory
from shared.store.base import Store, list_all


class Suppression(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`domains/<domain>/suppressions/<digest>.json`."""

    email: str
    reason: str
    """`hard_bounce`, `complaint`, `unsubscribed` or `manual`."""
    at: float
    delivery: str = ""
    """The Delivery that gave cause."""


def digest(address: str) -> str:
    return hashlib.sha256(identity(address).encode()).hexdigest()[:40]


class Suppressions:
    """Answers whether an address is suppressed, from a listing a few seconds old at most."""

    def __init__(self, store: Store, directory: Directory) -> None:
        self._store = store
        self._directory = directory

    async def of(self, domain: str) -> frozenset[str]:
        """The digests of all suppressed addresses of a Domain."""
        prefix = keys.suppressions(domain)

        async def read() -> frozenset[str]:
            entries = list_all(self._store, prefix)
            return frozenset([keys.parse_suppression(entry.key) async for entry in entries])

        return await self._directory.remember(prefix, read)


def is_suppressed(address: str, suppressed: frozenset[str]) -> bool:
    return bool(suppressed) and digest(address) in suppressed


async def add(store: Store, domain: str, suppression: Suppression) -> None:
    """Suppress an address. The first reason stays."""
    from shared.stage import write_once

    key = keys.suppression(domain, digest(suppression.email))
    await write_once(store, key, msgspec.json.encode(suppression))
