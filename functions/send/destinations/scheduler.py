"""All destinations of one process: each mail finds its queue here, and a second's tick keeps them
honest: what cannot go soon is held back, what an operator paused too."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from functions.send.destinations.jobs import Jobs
from functions.send.destinations.limits import LimitBook
from functions.send.destinations.mail import Consignment, Mail
from functions.send.destinations.opening import Connect, DeadAddresses, Opener, Resolve
from functions.send.destinations.queue import Means, Queue
from functions.send.destinations.site import Site
from functions.send.smtp.connecting import connect
from functions.send.smtp.options import Options
from functions.send.smtp.target import Destination
from shared.address import domain_of
from shared.model import Envelope
from shared.room import Room

TICK_S = 1.0
PAUSE_LOOK_S = 300.0
"""What is paused is looked at again after so long; resuming does not wait for it to be noticed
by mail that was held back before."""

Paused = Callable[[str], str]
"""A recipient's domain, or a server's name → why an operator has paused it, or empty."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """One destination, as `ekiden queue` and the metrics show it."""

    name: str
    site: str
    source: str
    """The sending address, or empty for the machine's own choice."""
    state: str
    """`idle`, `sending`, `slowed`, `suspended` or `paused`."""
    why: str
    """The last complaint, or the operator's reason."""
    waiting: int
    in_flight: int
    connections: int
    most_connections: int
    """What the pace allows now, for all destinations of this site."""
    per_minute: float | None
    """None: no limit."""
    oldest_s: float
    """How long the first one has waited here."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How patient the queues are (docs/configuration.md, section `send`)."""

    max_jobs: int = 200
    idle_s: float = 30.0
    hold_after_s: float = 60.0
    first_suspension_s: float = 30.0
    large_bytes: int = 128 * 1024 * 1024


class Scheduler:
    """Queues by destination. One event loop's."""

    def __init__(
        self,
        options: Options,
        chance: Random,
        *,
        limits: LimitBook,
        settings: Settings | None = None,
        resolve: Resolve | None = None,
        paused: Paused = lambda name: "",
        connect: Connect = connect,
    ) -> None:
        settings = settings or Settings()
        self._limits = limits
        self._paused = paused
        self._queues: dict[Destination, Queue] = {}
        self._sites: dict[tuple[str, str], Site] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._ticking: asyncio.TimerHandle | None = None
        self._means = Means(
            Opener(options, chance, connect, resolve, DeadAddresses()),
            Jobs(settings.max_jobs),
            settings.idle_s,
            settings.hold_after_s,
            settings.first_suspension_s,
            self._leaving,
            Room(settings.large_bytes),
        )
        self.stopping = False

    async def deliver(
        self,
        destination: Destination,
        envelopes: Sequence[Envelope],
        shared: list[str],
        consignment: Consignment,
    ) -> None:
        """Transmit one Bag's Envelopes for one destination, in turn with all others.

        Each is reported or held once, unless its `may_go_on` says no. Raises what `report` raises.
        """
        loop = asyncio.get_running_loop()
        mails = consignment.mails(envelopes, shared, loop.time())
        queue = self._queue(destination)
        if self.stopping:
            for mail in mails:
                mail.consignment.give_back()
        else:
            queue.put(self._not_paused(queue, mails))
            self._tick_on(loop)
        await consignment.finished(lambda: queue.sort_out(lambda mail: "", 0.0))

    def site_name(self, destination: Destination) -> str:
        """What shares one limit with this destination."""
        return self._limits.site_of(host.host for host in destination.hosts)[0]

    def states(self) -> list[QueueState]:
        """Every destination that is known just now, the fullest first."""
        states = [self._state(queue) for queue in self._queues.values()]
        return sorted(states, key=lambda each: (-each.waiting - each.in_flight, each.name))

    def stop(self) -> None:
        """Take up nothing more. What is in flight goes on; what waits is given back at once."""
        self.stopping = True
        for queue in self._queues.values():
            queue.stop()

    async def close(self) -> None:
        """Say QUIT on all idle connections, and end what still tries to connect."""
        self.stop()
        if self._ticking is not None:
            self._ticking.cancel()
        lanes = [lane for queue in self._queues.values() for lane in queue.lanes if lane]
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
        for queue in self._queues.values():
            queue.dismiss_idle()
        await asyncio.gather(*self._leaving)

    # Inside.

    def _queue(self, destination: Destination) -> Queue:
        queue = self._queues.get(destination)
        if queue is None:
            queue = Queue(destination, self._site(destination), self._means)
            self._queues[destination] = queue
        return queue

    def _site(self, destination: Destination) -> Site:
        source = destination.source
        name, limits = self._limits.site_of(host.host for host in destination.hosts)
        site = self._sites.get((name, source))
        if site is None:
            now = asyncio.get_running_loop().time()
            site = self._sites[name, source] = Site(name, limits, now)
        return site

    def _not_paused(self, queue: Queue, mails: list[Mail]) -> list[Mail]:
        """Those that may go; the others are held back."""
        reason = self._pause_of(queue)
        free: list[Mail] = []
        for mail in mails:
            why = reason(mail)
            if why:
                mail.consignment.hold(mail, PAUSE_LOOK_S, why)
            else:
                free.append(mail)
        return free

    def _tick_on(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._ticking is None:
            self._ticking = loop.call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._ticking = None
        now = loop.time()
        for site in self._sites.values():
            site.pace.look(now)
        for key, queue in list(self._queues.items()):
            queue.progress.look(now)
            if queue.waiting:
                queue.sort_out(self._pause_of(queue), PAUSE_LOOK_S)
                queue.hold_excess()
                queue.wake()
            elif queue.is_unused:
                del self._queues[key]
        self._forget_sites()
        if self._sites:
            self._tick_on(loop)

    def _forget_sites(self) -> None:
        """Those that no queue goes to, and of which there is nothing to remember."""
        used = {queue.site for queue in self._queues.values()}
        self._sites = {
            key: site for key, site in self._sites.items() if site in used or site.pace.is_slowed
        }

    def _pause_of(self, queue: Queue) -> Callable[[Mail], str]:
        """Why a mail of this queue is paused: by a server's name, or by its recipient's domain."""
        hosts = {host.host.lower() for host in queue.destination.hosts}
        by_server = next(filter(None, map(self._paused, hosts)), "")

        def reason(mail: Mail) -> str:
            return by_server or self._paused(domain_of(mail.envelopes[0].recipient))

        return reason

    def _state(self, queue: Queue) -> QueueState:
        now = asyncio.get_running_loop().time()
        pace = queue.site.pace
        hosts = [host.host.lower() for host in queue.destination.hosts]
        paused = next(filter(None, map(self._paused, hosts)), "")
        state, why = "idle", queue.last_complaint
        if queue.waiting or queue.in_flight:
            state = "slowed" if pace.is_slowed else "sending"
        if queue.suspended_until > now:
            state = "suspended"
        if paused:
            state, why = "paused", paused
        return QueueState(
            name=queue.destination.name,
            site=queue.site.name,
            source=queue.destination.source,
            state=state,
            why=why,
            waiting=len(queue.waiting),
            in_flight=queue.in_flight,
            connections=len(queue.lanes),
            most_connections=pace.connections,
            per_minute=None if pace.per_minute == float("inf") else pace.per_minute,
            oldest_s=now - queue.waiting[0].queued_at if queue.waiting else 0.0,
        )
