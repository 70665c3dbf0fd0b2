"""Which domains take no mail at all (feature K8): no such domain, or a null MX (RFC 7505)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from shared.dns import MxResolver, NoMail
from shared.errors import Temporary

AT_ONCE = 50
"""Questions under way at the same time, for one Batch."""


def mx_check(
    nameservers: Sequence[str],
) -> Callable[[Sequence[str]], Awaitable[Mapping[str, str]]]:
    """Domain → stable word, for those of the given domains that take no mail."""
    resolver = MxResolver(nameservers)

    async def check(domains: Sequence[str]) -> Mapping[str, str]:
        slots = asyncio.Semaphore(AT_ONCE)

        async def ask(domain: str) -> str:
            async with slots:
                return await _reason(resolver, domain)

        reasons = await asyncio.gather(*map(ask, domains))
        return {domain: why for domain, why in zip(domains, reasons, strict=True) if why}

    return check


async def _reason(resolver: MxResolver, domain: str) -> str:
    try:
        await resolver.destination(domain)
    except NoMail as error:
        return error.reason
    except Temporary:
        return ""  # nobody knows: send asks again when it is time
    return ""
