"""How sessions with a destination must be protected: asks whom the operator wants to be asked."""

import asyncio
from collections.abc import Mapping, Sequence

from functions.send.protection.dane import demand_of
from functions.send.protection.decide import HostProtection, Protection, decide, override_for
from functions.send.protection.mta_sts_cache import PolicyCache
from functions.send.protection.tlsa import Demand
from functions.send.smtp.target import Tls
from shared.address import normal_domain
from shared.dns import DnsUnavailable, MxHost, MxResolver


class Protections:
    """An override goes before DANE, that before MTA-STS, and that before `default`.

    `overrides`: recipient domain, or `*.` and a domain above it, in lower case → protection.
    `policies`: None where MTA-STS is off.
    """

    def __init__(
        self,
        resolver: MxResolver,
        default: Tls,
        overrides: Mapping[str, Tls],
        *,
        policies: PolicyCache | None = None,
        dane: bool = False,
    ) -> None:
        self._resolver = resolver
        self._default = Protection(default)
        self._overrides = overrides
        self._policies = policies
        self._dane = dane

    async def of(self, domain: str, hosts: Sequence[MxHost]) -> list[HostProtection]:
        """Each of the hosts that `MxResolver.destination` found for a recipient domain, in its
        order.

        Raises `Temporary` if the store does not answer.
        """
        override = override_for(domain.lower(), self._overrides) if self._overrides else None
        if override is not None:
            chosen = Protection(override, source="override")
            return [HostProtection(host, chosen) for host in hosts]
        name = normal_domain(domain) if self._policies else None
        policy = await self._policies.policy(name) if self._policies and name else None
        if policy is None and not self._dane:
            return [HostProtection(host, self._default) for host in hosts]
        tls = self._default.tls
        if not self._dane:
            return [decide(host, tls, policy, None) for host in hosts]
        demands = await asyncio.gather(*map(self._demand, hosts))
        return [
            HostProtection(host, Protection(Tls.REQUIRED, source="dane"), demand)
            if isinstance(demand, str)
            else decide(host, tls, policy, demand)
            for host, demand in zip(hosts, demands, strict=True)
        ]

    async def _demand(self, host: MxHost) -> Demand | str | None:
        """What the host demands by DANE, or why it cannot be known: then it is not used."""
        try:
            return await demand_of(self._resolver, host)
        except DnsUnavailable as failure:
            return f"TLSA records of {host.name} are bogus or cannot be had: {failure}"

    async def close(self) -> None:
        """Give up what is under way."""
        if self._policies:
            await self._policies.close()
