"""Questions to DNS on behalf of one check: bounded in number, and fresh."""

import asyncio
import ipaddress
from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.dns import MOST_ADDRESSES, DnsUnavailable, MxResolver

if TYPE_CHECKING:
    from shared.dns_client import Reply

QUESTION_S = 5.0
MOST_QUESTIONS = 400
"""A record may name ten others with ten servers each: nobody shall make us ask for ever."""
AT_ONCE = 20
MOST_RECORDS = 50


class Lookups(MxResolver):
    """Make one for each check: what another one remembers is what a person has just changed."""

    def __init__(
        self, nameservers: Sequence[str] | None = None, timeout_s: float = QUESTION_S
    ) -> None:
        super().__init__(nameservers, timeout_s)
        self._asked: dict[tuple[str, str], asyncio.Task[Reply]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def txt(self, name: str) -> list[str]:
        return (await super().txt(name))[:MOST_RECORDS]

    async def of_family(self, host: str, version: int) -> list[str]:
        """The addresses of IP version 4 or 6; empty if there is no such host."""
        reply = await self._ask(host, "A" if version == 4 else "AAAA")
        found = [str(ipaddress.ip_address(record.address)) for record in reply.records]
        return found[:MOST_ADDRESSES]

    async def exchanges(self, domain: str) -> list[str]:
        """The hosts of a domain's MX records as they stand, best first."""
        reply = await self._ask(domain, "MX")
        found = [(rr.preference, rr.exchange.to_text(omit_final_dot=True)) for rr in reply.records]
        return [name for _, name in sorted(found)][:MOST_RECORDS]

    async def names_of(self, address: str) -> list[str]:
        """What an address is called, in lower case (RFC 1035 §3.5)."""
        reply = await self._ask(ipaddress.ip_address(address).reverse_pointer, "PTR")
        found = [rr.target.to_text(omit_final_dot=True).lower() for rr in reply.records]
        return found[:MOST_RECORDS]

    async def _ask(self, name: str, kind: str) -> "Reply":
        question = (name.lower(), kind)
        task = self._asked.get(question)
        if task is None:
            if len(self._asked) >= MOST_QUESTIONS:
                raise DnsUnavailable(f"{name} {kind}: that takes over {MOST_QUESTIONS} questions")
            task = self._asked[question] = asyncio.create_task(self._asking(name, kind))
            task.add_done_callback(_heard)
        # Others wait for the same answer: one whose time is up must not take it from them.
        return await asyncio.shield(task)

    async def _asking(self, name: str, kind: str) -> "Reply":
        async with self._slots:
            return await super()._ask(name, kind)


def _heard(task: "asyncio.Task[Reply]") -> None:
    """Its error is known, also when nobody waits any longer."""
    if not task.cancelled():
        task.exception()
