"""Name server, policy host, store and clock, and a cache of policies between them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import uvloop
from dns_server import DnsServer, Lasting, Zone
from policy_host import POLICY, Authority, PolicyHost, page

from functions.send.protection.mta_sts import Policy
from functions.send.protection.mta_sts_cache import PolicyCache
from functions.send.protection.mta_sts_fetch import HttpsFetch
from shared.dns import MxResolver
from shared.store.base import Store
from shared.store.memory import MemoryStore

Result = TypeVar("Result")
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
DOMAIN = "example.test"
HOST = f"mta-sts.{DOMAIN}"


class Scene:
    """`act` runs a test in it."""

    def __init__(self, authority: Authority, *certified: str) -> None:
        self._authority = authority
        self._certified = certified or (HOST,)
        self.zone: Zone = {(HOST, "A"): ["127.0.0.1"]}
        self.store: Store = MemoryStore()
        self.now = 1_800_000_000.0
        self.host: PolicyHost
        self.dns: DnsServer
        self.resolver: MxResolver
        self.fetch: HttpsFetch
        self.cache: PolicyCache

    def publish(self, policy_id: str, policy: str = POLICY) -> None:
        """As RFC 8461 §8.1 says: first the policy, then its id."""
        self.host.pages[HOST] = page(policy.format(domain=DOMAIN))
        self.announce(policy_id)

    def announce(self, policy_id: str) -> None:
        self.zone[f"_mta-sts.{DOMAIN}", "TXT"] = Lasting(0, [f'"v=STSv1; id={policy_id};"'])

    def retract_the_record(self) -> None:
        self.zone[f"_mta-sts.{DOMAIN}", "TXT"] = Lasting(0)

    async def policy(self, after_s: float = 0) -> Policy | None:
        """The policy in force, so much later."""
        self.now += after_s
        return await self.cache.policy(DOMAIN)

    @property
    def fetched(self) -> int:
        return self.host.fetched[HOST]

    def trust(self, authority: Authority, timeout_s: float = 10) -> None:
        self.fetch = HttpsFetch(
            self.resolver, port=self.port, context=authority.trusted, timeout_s=timeout_s
        )

    def restart(self) -> None:
        """A new process over the same bucket."""
        self.cache = PolicyCache(self.resolver, self.fetch, self.store, lambda: self.now)

    def act(
        self,
        play: "Callable[[Scene], Awaitable[Result]]",
        timeout_s: float = 10,
        loop: str = "asyncio",
    ) -> Result:
        async def main() -> Result:
            self.dns = DnsServer(self.zone)
            self.host = PolicyHost(self._authority.server(*self._certified))
            self.resolver = MxResolver([await self.dns.start()], timeout_s=2)
            self.port = await self.host.start()
            self.trust(self._authority, timeout_s)
            self.restart()
            try:
                return await play(self)
            finally:
                await self.cache.close()
                self.host.close()
                self.dns.close()

        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            return runner.run(main())
