"""One destination: what waits for it, and the lanes that carry it away.

A lane is one connection's work. There are as many as the queue is worth and the site's pace
allows. What cannot go soon does not stay: it is held back, that is, put into the bucket again
until its turn, so that it takes no room from others.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from functions.send.destinations.idle import Idle
from functions.send.destinations.jobs import Jobs, Permit
from functions.send.destinations.mail import Mail
from functions.send.destinations.opening import Opener
from functions.send.destinations.progress import Progress
from functions.send.destinations.shift import Shift
from functions.send.destinations.site import Site
from functions.send.smtp.connection import Connection
from functions.send.smtp.target import Destination
from functions.send.smtp.verdict import NoSession, Verdict

MAILS_PER_LANE = 10
"""So many mails are worth one more connection: each costs a few round trips to open."""
BARREN_CONNECTIONS = 3
"""After so many in a row that ended without an answer to any mail, the destination counts as
unreachable: a long queue must not hammer it with one connection per mail."""
LONGEST_SUSPENSION_S = 600.0
LONGEST_PACED_SLEEP_S = 5.0


@dataclass(frozen=True, slots=True)
class Means:
    """What all queues of a process share."""

    opener: Opener
    jobs: Jobs
    idle_s: float
    hold_after_s: float
    first_suspension_s: float
    leaving: set[asyncio.Task[None]]


class Queue:
    """Mails for one destination, from all Bags."""

    def __init__(self, destination: Destination, site: Site, means: Means) -> None:
        self.destination = destination
        self.site = site
        self.waiting: deque[Mail] = deque()
        self.lanes: set[asyncio.Task[Any] | None] = set()
        self.in_flight = 0
        self.suspended_until = 0.0
        self.last_complaint = ""
        self._means = means
        self._loop = asyncio.get_running_loop()
        self.progress = Progress(means.hold_after_s)
        self._idle = Idle(means.idle_s, means.leaving)
        self._failures = 0
        self._barren = 0
        self._slow = False

    @property
    def is_unused(self) -> bool:
        """Nothing would be lost with it."""
        suspended = self.suspended_until > self._loop.time()
        return not (self.waiting or self.lanes or len(self._idle) or suspended)

    def put(self, mails: Iterable[Mail]) -> None:
        """Queue them, or hold them back at once where they could not go soon."""
        now = self._loop.time()
        if self.suspended_until > now:
            for mail in mails:
                why = f"not tried, {self.destination.name} does not answer: {self.last_complaint}"
                mail.consignment.hold(mail, self.suspended_until - now, why)
            return
        if not self.waiting:
            self.progress.begin(now)
        self.waiting.extend(mails)
        self.hold_excess()
        self.wake()

    def hold_excess(self) -> None:
        """Hold back, from the end, what the destination will not take in time."""
        now = self._loop.time()
        room = self.progress.room(now, self.site.pace.per_minute)
        excess = len(self.waiting) - room
        while excess > 0 and self.waiting:
            delay_s = self.progress.book(now, self.site.pace.per_minute)
            mail = self.waiting.pop()
            why = f"held back: {self.destination.name} takes about {self.progress.said(now)}"
            mail.consignment.hold(mail, delay_s, why)
            excess -= 1

    def hold_if(self, reason: Callable[[Mail], str], delay_s: float) -> None:
        """Hold back every waiting mail that there is a reason for."""
        waiting = list(self.waiting)
        self.waiting.clear()
        for mail in waiting:
            why = reason(mail)
            if why:
                mail.consignment.hold(mail, delay_s, why)
            else:
                self.waiting.append(mail)

    def wake(self) -> None:
        """Start as many lanes as the queue is worth, and the site allows."""
        wanted = -(-len(self.waiting) // MAILS_PER_LANE)
        if self._barren or self._failures:
            wanted = min(wanted, 1)  # one finds out whether it answers again
        while len(self.lanes) < wanted and self.site.try_to_open(self):
            lane = self._loop.create_task(self._lane())
            self.lanes.add(lane)
            lane.add_done_callback(self._lane_ended)

    def dismiss_idle(self) -> None:
        self._idle.dismiss_all()

    # A lane: empties the queue over one connection after another.

    async def _lane(self) -> None:
        try:
            async with self._means.jobs.permit(slow=self._slow) as permit:
                try:
                    while self.waiting:
                        connection = self._idle.reuse() or await self._open(permit)
                        await self._use(connection, permit)
                finally:
                    self._slow = permit.is_slow
        except NoSession as failure:
            self.lanes.discard(asyncio.current_task())  # at once: the last one has to know
            self._refused(failure.verdict)

    def _lane_ended(self, lane: asyncio.Task[None]) -> None:
        self.lanes.discard(lane)
        if not lane.cancelled() and lane.exception() is not None:
            self._loop.call_exception_handler(
                {
                    "message": f"a lane to {self.destination.name} ended",
                    "exception": lane.exception(),
                }
            )
        self.site.close_one()
        self.wake()

    async def _open(self, permit: Permit) -> Connection:
        connection = await self._means.opener.open(self.destination)
        permit.progress()
        self._failures = 0
        self.wake()
        return connection

    async def _use(self, connection: Connection, permit: Permit) -> None:
        left = self.site.limits.messages - connection.verdicts
        shift = Shift(self, permit, left)
        await connection.transmit(shift)
        if not connection.usable:
            self._note_ended(shift)
        elif connection.verdicts >= self.site.limits.messages:
            await connection.quit()
        else:
            self._idle.keep(connection)
            if shift.paced:
                wait_s = self.site.pace.wait_s(self._loop.time())
                await asyncio.sleep(min(wait_s, LONGEST_PACED_SLEEP_S))

    def _note_ended(self, shift: Shift) -> None:
        """A connection ended under us. Raises `NoSession` when that happens too often."""
        if shift.answered:
            self._barren = 0
        elif shift.last is not None:  # otherwise it had only been idle for too long
            self._barren += 1
            if self._barren >= BARREN_CONNECTIONS:
                self._barren = 0
                raise NoSession(shift.last)

    def _refused(self, verdict: Verdict) -> None:
        """No connection can be had: the other lanes have the queue, or nobody has."""
        now = self._loop.time()
        self.last_complaint = f"{verdict.code or ''} {verdict.text}".strip()
        if self.lanes:
            self.site.pace.slow_down(now)
            return
        if verdict.kind == "temporary":
            pause_s = self._means.first_suspension_s * 2 ** min(self._failures, 10)
            self.suspended_until = now + min(pause_s, LONGEST_SUSPENSION_S)
            self._failures += 1
        waiting = list(self.waiting)
        self.waiting.clear()
        for mail in waiting:
            mail.report_all(verdict)
