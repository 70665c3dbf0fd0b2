"""The MTA-STS policies that are in force: in memory, and in the bucket over a restart.

An attacker who can forge DNS can hide the TXT record, but no policy that we still hold (RFC 8461
§3.3): therefore a policy is stored before it is used, and nothing but its age ends it.

    control/mta_sts/<domain>.json    put when fetched; deleted when expired

A crash before the put: it is fetched again. Two processes that put at the same time have fetched
the same file.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from functions.send.protection.mta_sts import Policy, parse_policy, record_id
from functions.send.protection.mta_sts_fetch import Fetch, NotFetched
from shared import keys
from shared.dns import DnsUnavailable, MxResolver
from shared.errors import Malformed, NotFound, Temporary
from shared.stage import Clock
from shared.store.base import Store, list_all

Result = TypeVar("Result")

log = logging.getLogger("ekiden.send")

CHECK_S = 5 * 60.0
"""How long a domain is left alone, also after a failure: its server gets no more than that."""
REFRESH_S = 24 * 3600.0
"""Then a policy is fetched again, long before it expires (RFC 8461 §3.3)."""
MOST_DOMAINS = 50_000
"""In memory, most of them without a policy; about 300 bytes each."""


class Kept(msgspec.Struct, frozen=True):
    """`control/mta_sts/<domain>.json`."""

    id: str
    """By the TXT record that it was fetched for."""
    fetched_at: float
    policy: Policy

    @property
    def expires_at(self) -> float:
        return self.fetched_at + self.policy.max_age_s


@dataclass(slots=True)
class _Known:
    kept: Kept | None
    check_at: float

    def policy(self, now: float) -> Policy | None:
        return self.kept.policy if self.kept and now < self.kept.expires_at else None


class PolicyCache:
    """The policies of all domains, by `policy`."""

    def __init__(self, resolver: MxResolver, fetch: Fetch, store: Store, clock: Clock) -> None:
        self._resolver = resolver
        self._fetch = fetch
        self._store = store
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._checks: dict[str, asyncio.Task[_Known]] = {}
        self._refreshes: dict[str, asyncio.Task[None]] = {}
        self._stored: set[str] | None = None
        self._one_listing = asyncio.Lock()

    async def policy(self, domain: str) -> Policy | None:
        """The policy in force for a recipient domain, in lower-case A-labels; None without one.

        Raises `Temporary` if the store does not answer.
        """
        known, now = self._known.get(domain), self._clock()
        if known is None or now >= known.check_at:
            # The check goes on for the others who wait for it, should this caller be cancelled.
            known = await asyncio.shield(_once(self._checks, domain, self._check))
        return known.policy(now)

    async def settle(self) -> None:
        """Wait until no refresh is under way."""
        await asyncio.gather(*self._refreshes.values())

    async def close(self) -> None:
        """Give up what is under way: it is done again another time."""
        tasks: list[asyncio.Task[Any]] = [*self._checks.values(), *self._refreshes.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _check(self, domain: str) -> _Known:
        """Look whether there is a policy, or a newer one."""
        now = self._clock()
        kept = self._known[domain].kept if domain in self._known else await self._load(domain)
        if kept and now >= kept.expires_at:
            await self._store.delete(keys.mta_sts_policy(domain))
            kept = None
        live_id = await self._live_id(domain)
        if live_id and (kept is None or live_id != kept.id):
            kept = await self._fetched(domain, live_id) or kept
        elif live_id and kept and now - kept.fetched_at >= REFRESH_S:
            _once(self._refreshes, domain, self._refresh)
        return self._remember(domain, _Known(kept, now + CHECK_S))

    async def _live_id(self, domain: str) -> str | None:
        try:
            return record_id(await self._resolver.txt(f"_mta-sts.{domain}"))
        except DnsUnavailable:
            return None  # RFC 8461 §3.3: as if it had none, unless we hold its policy

    async def _fetched(self, domain: str, live_id: str) -> Kept | None:
        try:
            policy = parse_policy(await self._fetch(domain))
        except (NotFetched, Malformed) as failure:
            # RFC 8461 §3.3: deliver as before, and tell the administrator.
            log.warning("no MTA-STS policy of %s: %s", domain, failure, extra={"domain": domain})
            return None
        kept = Kept(live_id, self._clock(), policy)
        await self._store.put(keys.mta_sts_policy(domain), msgspec.json.encode(kept))
        (await self._listed()).add(domain)
        return kept

    async def _refresh(self, domain: str) -> None:
        known = self._known[domain]
        assert known.kept is not None
        try:
            known.kept = await self._fetched(domain, known.kept.id) or known.kept
        except Temporary as failure:
            log.warning("MTA-STS policy of %s: %s", domain, failure, extra={"domain": domain})

    async def _load(self, domain: str) -> Kept | None:
        """From the bucket, where there may be one."""
        if domain not in await self._listed():
            return None
        key = keys.mta_sts_policy(domain)
        try:
            return msgspec.json.decode((await self._store.get(key)).body, type=Kept)
        except NotFound:
            return None
        except msgspec.DecodeError as malformed:
            log.warning("%s cannot be read: %s", key, malformed, extra={"key": key})
            return None

    async def _listed(self) -> set[str]:
        """The domains that have a policy in the bucket: one listing, instead of a get for each of
        the many domains without."""
        async with self._one_listing:
            if self._stored is None:
                found = list_all(self._store, keys.MTA_STS)
                self._stored = {keys.parse_mta_sts_policy(entry.key) async for entry in found}
        return self._stored

    def _remember(self, domain: str, known: _Known) -> _Known:
        self._known.pop(domain, None)
        if len(self._known) >= MOST_DOMAINS:
            del self._known[next(iter(self._known))]  # checked longest ago
        self._known[domain] = known
        return known


def _once(
    running: dict[str, asyncio.Task[Result]],
    domain: str,
    work: Callable[[str], Coroutine[Any, Any, Result]],
) -> asyncio.Task[Result]:
    """The task that does this for the domain, begun now if there is none."""
    if domain not in running:
        running[domain] = asyncio.create_task(work(domain))
        running[domain].add_done_callback(lambda _: running.pop(domain))
    return running[domain]
