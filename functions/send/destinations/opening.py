"""Finding a server of a destination that opens a session: by preference, address by address."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from ipaddress import ip_address
from random import Random

from functions.send.smtp.connection import Connection
from functions.send.smtp.options import Options
from functions.send.smtp.target import Destination, Target
from functions.send.smtp.verdict import NoSession, Peer, Verdict, most_hopeful, unanswered
from shared.errors import Permanent, Temporary

Connect = Callable[[Target, Options], Awaitable[Connection]]
Resolve = Callable[[str], Awaitable[list[str]]]

ADDRESSES_TRIED = 6
"""Of one destination, for one connection: a large dead one must not take half an hour."""
REMEMBER_DEAD_S = 60.0
"""So long an address that did not answer is tried only after all others."""


@dataclass(frozen=True, slots=True)
class Opener:
    """`resolve` finds the addresses of a host, in the order to try them; without it the system
    does. It may raise `Temporary` or `Permanent`. `chance` shuffles hosts of equal preference."""

    options: Options
    chance: Random
    connect: Connect
    resolve: Resolve | None
    dead: "DeadAddresses"

    async def open(self, destination: Destination) -> Connection:
        """Raises `NoSession` with the most hopeful of all refusals."""
        refusals: list[Verdict] = []
        unknown: list[Verdict] = []
        dead: list[Target] = []
        for host in destination.in_order(self.chance):
            # The next one is looked up when this one is of no use: its name server may be silent.
            found = await self._addresses(host, unknown)
            dead += filter(self.dead.knows, found)
            alive = [target for target in found if target not in dead]
            if connection := await self._first(alive, refusals):
                return connection
            if len(refusals) >= ADDRESSES_TRIED:
                break
        if connection := await self._first(dead, refusals):
            return connection
        refusals += unknown
        if not refusals:
            refusals = [unanswered(Peer(destination.name), "connect", "no host has an address")]
        raise NoSession(most_hopeful(refusals))

    async def _first(self, targets: list[Target], refusals: list[Verdict]) -> Connection | None:
        """A connection to the first that opens a session."""
        for target in targets[: ADDRESSES_TRIED - len(refusals)]:
            try:
                connection = await self.connect(target, self.options)
            except NoSession as failure:
                refusals.append(failure.verdict)
                if failure.verdict.code is None:
                    self.dead.add(target)
            else:
                self.dead.remove(target)
                return connection
        return None

    async def _addresses(self, host: Target, refusals: list[Verdict]) -> list[Target]:
        if host.address or host.system_lookup or self.resolve is None:
            return [host]
        try:
            found = await self.resolve(host.host)
        except (Temporary, Permanent) as failure:
            refusals.append(unanswered(Peer(host.host), "connect", str(failure)))
            return []
        if host.source is not None:  # an IPv4 address reaches no IPv6 server
            version = ip_address(host.source.address).version
            found = [each for each in found if ip_address(each).version == version]
        return [replace(host, address=address) for address in found]


class DeadAddresses:
    """Addresses that did not answer lately. Forgotten at a restart, at the price of a time-out."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, str, int], float] = {}

    def knows(self, target: Target) -> bool:
        if not self._until:
            return False
        return self._until.get(_place(target), 0.0) > asyncio.get_running_loop().time()

    def add(self, target: Target) -> None:
        now = asyncio.get_running_loop().time()
        self._until = {place: until for place, until in self._until.items() if until > now}
        self._until[_place(target)] = now + REMEMBER_DEAD_S

    def remove(self, target: Target) -> None:
        self._until.pop(_place(target), None)


def _place(target: Target) -> tuple[str, str, int]:
    return target.host, target.address, target.port
