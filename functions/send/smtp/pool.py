"""Sends queues of messages to destinations, over as few connections as do it well."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from random import Random
from weakref import WeakValueDictionary

from functions.send.smtp.connecting import connect
from functions.send.smtp.connection import Connection
from functions.send.smtp.options import Options
from functions.send.smtp.outgoing import Outgoing
from functions.send.smtp.run import Report, Run, Shift
from functions.send.smtp.site import Site
from functions.send.smtp.target import Destination, Target
from functions.send.smtp.verdict import NoSession, Peer, Verdict, most_hopeful, unanswered
from shared.errors import Permanent, Temporary

Connect = Callable[[Target, Options], Awaitable[Connection]]
Resolve = Callable[[str], Awaitable[list[str]]]

MESSAGES_PER_LANE = 10
"""So many messages are worth one more connection: each costs a few round trips to open."""

ADDRESSES_TRIED = 6
"""Of one destination, for one connection: a large dead one must not take half an hour."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How a destination is treated."""

    connections: int = 20
    messages_per_connection: int = 500
    """Some providers hang up after 100; the message at hand then goes over a new connection."""
    idle_s: float = 30
    """How long an unused connection is kept for the next queue."""


class Pool:
    """All connections of one event loop.

    `resolve` finds the addresses of a host, in the order to try them; without it the system does.
    It may raise `Temporary` or `Permanent`. `chance` shuffles hosts of equal preference. At most
    `max_jobs` connections transmit at the same time, whatever the destinations.
    """

    def __init__(
        self,
        options: Options,
        chance: Random,
        *,
        limits: Limits | None = None,
        max_jobs: int = 100,
        resolve: Resolve | None = None,
        connect: Connect = connect,
    ) -> None:
        self._options = options
        self._chance = chance
        self._limits = limits or Limits()
        self._resolve = resolve
        self._connect = connect
        self._jobs = asyncio.Semaphore(max_jobs)
        self._sites: WeakValueDictionary[str, Site] = WeakValueDictionary()
        self._leaving: set[asyncio.Task[None]] = set()

    async def deliver(
        self, destination: Destination, waiting: deque[Outgoing], report: Report
    ) -> None:
        """Empty the queue: every message in it is reported, once, as soon as its verdict is known.

        Clear `waiting` to stop after what is in flight. When no connection can be had, whatever
        is left gets the verdict of the most hopeful attempt. An exception out of `report` ends
        the call, and hangs up; so does cancelling it (see `Connection.transmit`).
        """
        site = self._site(destination.name)
        while waiting:
            run = Run(waiting, report)
            try:
                async with asyncio.TaskGroup() as lanes:
                    self._add_lane(lanes, destination, site, run)
            except BaseExceptionGroup as group:
                raise group.exceptions[0] from group

    async def close(self) -> None:
        """Say QUIT on all idle connections. Let all `deliver` calls return first."""
        for site in list(self._sites.values()):
            site.dismiss_all()
        await asyncio.gather(*self._leaving)

    def _site(self, name: str) -> Site:
        site = self._sites.get(name)
        if site is None:
            site = Site(self._limits.connections, self._limits.idle_s, self._leaving)
            self._sites[name] = site
        return site

    # Lanes: each empties the queue over one connection after another.

    def _add_lane(
        self, lanes: asyncio.TaskGroup, destination: Destination, site: Site, run: Run
    ) -> None:
        def grow() -> None:
            """The destination answers: as many lanes more as the queue is worth."""
            wanted = -(-len(run.waiting) // MESSAGES_PER_LANE)
            while run.lanes < min(wanted, self._limits.connections):
                self._add_lane(lanes, destination, site, run)

        run.lanes += 1
        lanes.create_task(self._lane(destination, site, run, grow))

    async def _lane(
        self, destination: Destination, site: Site, run: Run, grow: Callable[[], None]
    ) -> None:
        """A lane that can go no further leaves the queue to the others; the last one ends it."""
        try:
            async with site.permits, self._jobs:
                while run.waiting:
                    connection = site.reuse() or await self._open(destination)
                    grow()
                    await self._transmit(connection, site, run)
        except NoSession as failure:
            if run.lanes == 1:
                run.give_up(failure.verdict)
        finally:
            run.lanes -= 1

    async def _transmit(self, connection: Connection, site: Site, run: Run) -> None:
        shift = Shift(run, self._limits.messages_per_connection - connection.verdicts)
        await connection.transmit(shift)
        if not connection.usable:
            run.note_ended(shift)
        elif connection.verdicts < self._limits.messages_per_connection:
            site.keep(connection)
        else:
            await connection.quit()

    # Connections: by preference, then address by address.

    async def _open(self, destination: Destination) -> Connection:
        """Raises `NoSession` with the most hopeful of all refusals."""
        refusals: list[Verdict] = []
        tries_left = ADDRESSES_TRIED
        for host in destination.in_order(self._chance):
            for target in (await self._addresses(host, refusals))[:tries_left]:
                tries_left -= 1
                try:
                    return await self._connect(target, self._options)
                except NoSession as failure:
                    refusals.append(failure.verdict)
        if not refusals:
            refusals = [unanswered(Peer(destination.name), "connect", "no host has an address")]
        raise NoSession(most_hopeful(refusals))

    async def _addresses(self, host: Target, refusals: list[Verdict]) -> list[Target]:
        if host.address or host.system_lookup or self._resolve is None:
            return [host]
        try:
            return [replace(host, address=address) for address in await self._resolve(host.host)]
        except (Temporary, Permanent) as failure:
            refusals.append(unanswered(Peer(host.host), "connect", str(failure)))
            return []
