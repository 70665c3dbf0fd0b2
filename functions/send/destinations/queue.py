"""One destination: what waits for it, and the lanes that carry it away.

A lane is one connection's work. There are as many as the queue is worth and the site's pace
allows; one alone, until a server has answered. A lane ends when the queue is empty, or when it has
had its turn and others wait for its permits. What cannot go soon does not stay: it is held back,
that is, put into the bucket again until its turn, so that it takes no room from others.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from functions.send.destinations.idle import Idle
from functions.send.destinations.jobs import Jobs, Permit
from functions.send.destinations.mail import Mail
from functions.send.destinations.opening import Opener
from functions.send.destinations.pace import COOLING_S
from functions.send.destinations.progress import Progress
from functions.send.destinations.shift import LARGE_BYTES, Shift
from functions.send.destinations.site import Site
from functions.send.smtp.connection import Connection
from functions.send.smtp.target import Destination
from functions.send.smtp.verdict import NoSession, Verdict
from shared.room import Room

MAILS_PER_LANE = 10
"""So many mails are worth one more connection: each costs a few round trips to open."""
MAILS_A_TURN = 10
"""After so many a lane makes way, if others wait; a slow one after each."""
BARREN_CONNECTIONS = 3
"""After so many in a row that ended without an answer to any mail, the destination counts as
unreachable: a long queue must not hammer it with one connection per mail."""
LONGEST_SUSPENSION_S = 600.0
"""For as long again it is remembered how often the destination failed."""
LONGEST_PACED_SLEEP_S = 5.0
BEHIND_S = 0.005
"""A lane looks so often whether a Bag has recorded what it was told."""

log = logging.getLogger("ekiden.send")


@dataclass(frozen=True, slots=True)
class Means:
    """What all queues of a process share."""

    opener: Opener
    jobs: Jobs
    idle_s: float
    hold_after_s: float
    first_suspension_s: float
    leaving: set[asyncio.Task[None]]
    large: Room
    """What large mails may take while they are on connections."""


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
        self._idle = Idle(means.idle_s, site, means.leaving)
        self._at_work = 0  # lanes that have all their permits
        self._answers = False  # a session was opened, since the last time that none could be
        self._no_more_until = 0.0  # lanes than there are
        self._failures = 0
        self._barren = 0
        self._slow = False
        self._stopped = False

    @property
    def is_unused(self) -> bool:
        """Nothing would be lost with it."""
        forget_at = self.suspended_until + (LONGEST_SUSPENSION_S if self._failures else 0.0)
        remembers = self._loop.time() < forget_at or self.site.pace.is_slowed
        return not (self.waiting or self.lanes or len(self._idle) or remembers)

    def put(self, mails: Iterable[Mail]) -> None:
        """Queue them, or hold them back at once where they could not go soon."""
        now = self._loop.time()
        if self.suspended_until > now:
            for mail in mails:
                why = f"not tried, {self.destination.name} does not answer: {self.last_complaint}"
                mail.consignment.hold(mail, self.suspended_until - now, why)
            return
        if not self.waiting:
            self.progress.rest()
            if self._at_work:
                self.progress.begin(now)
        self.waiting.extend(mails)
        self.hold_excess()
        self.wake()

    def put_first(self, mail: Mail) -> None:
        """One that was taken, and that the next lane may take again."""
        if self._stopped:
            mail.consignment.give_back()
        else:
            self.waiting.appendleft(mail)

    def stop(self) -> None:
        """Take up nothing more, and give back what waits."""
        self._stopped = True
        while self.waiting:
            self.waiting.popleft().consignment.give_back()

    def sort_out(self, reason: Callable[[Mail], str], delay_s: float) -> None:
        """Hold back every waiting mail that there is a reason for, and give back what may not go
        on: it need not wait for a connection to hear of it."""
        waiting = list(self.waiting)
        self.waiting.clear()
        for mail in waiting:
            if not mail.consignment.may_go_on():
                mail.consignment.give_back()
            elif why := reason(mail):
                mail.consignment.hold(mail, delay_s, why)
            else:
                self.waiting.append(mail)

    def hold_excess(self) -> None:
        """Hold back, from the end, what the destination will not take in time.

        One for each lane stays in any case: a server that takes its time to greet would otherwise
        find nothing to take, for ever.
        """
        now = self._loop.time()
        room = self.progress.room(now, self.site.pace.per_minute)
        excess = len(self.waiting) - max(room, len(self.lanes), 1)
        while excess > 0:
            delay_s = self.progress.book(now, self.site.pace.per_minute)
            mail = self.waiting.pop()
            why = f"held back: {self.destination.name} takes about {self.progress.said(now)}"
            mail.consignment.hold(mail, delay_s, why)
            excess -= 1

    def wake(self) -> None:
        """Start as many lanes as the queue is worth, and the site allows."""
        if self._stopped:
            return
        wanted = -(-len(self.waiting) // MAILS_PER_LANE)
        if self._barren or not self._answers:
            wanted = min(wanted, 1)  # one finds out whether it answers
        if self._loop.time() < self._no_more_until:
            wanted = min(wanted, max(1, len(self.lanes)))
        while len(self.lanes) < wanted and self.site.try_to_open(self):
            lane = self._loop.create_task(self._lane())
            self.lanes.add(lane)
            lane.add_done_callback(self._lane_ended)

    def dismiss_idle(self) -> None:
        self._idle.dismiss_all()

    def is_others_turn(self, permit: Permit) -> bool:
        """Whether the lane with this permit has had its turn, and keeps others waiting."""
        if permit.mails < (1 if permit.is_slow else MAILS_A_TURN):
            return False
        return permit.is_wanted or self.site.is_wanted_beside(self)

    # A lane: empties the queue over one connection after another.

    async def _lane(self) -> None:
        try:
            async with self._means.jobs.permit(slow=self._slow) as permit:
                self._begin()
                try:
                    while self.waiting and not self.is_others_turn(permit):
                        connection = self._idle.reuse() or await self._open(permit)
                        await self._use(connection, permit)
                finally:
                    self._end(permit)
        except NoSession as failure:
            self._no_lane(failure.verdict)
        except Exception as fault:  # of our own: it comes out of deliver()
            log.error("a lane to %s failed", self.destination.name, exc_info=fault)
            self._no_lane(fault)

    def _begin(self) -> None:
        self._at_work += 1
        if self.progress.is_resting:  # the first lane, not one that has its turn again
            self.progress.begin(self._loop.time())

    def _end(self, permit: Permit) -> None:
        self._slow = permit.was_slow
        self._at_work -= 1

    def _lane_ended(self, lane: asyncio.Task[None]) -> None:
        self.lanes.discard(lane)
        self.site.close_one()
        self.wake()

    async def _open(self, permit: Permit) -> Connection:
        self.site.make_room()
        connection = await self._means.opener.open(self.destination)
        self._slow = permit.was_slow
        permit.progress()
        self._answers = True
        self.wake()
        return connection

    async def _use(self, connection: Connection, permit: Permit) -> None:
        most = self.site.limits.messages
        left = most - connection.verdicts
        size_bytes = self.waiting[0].size_bytes if self.waiting else 0
        if size_bytes <= LARGE_BYTES:
            await self._work(connection, Shift(self, permit, left))
            return
        # As it is, and as it goes over the wire.
        async with self._means.large.of(f"{id(connection)}", 2 * size_bytes):
            await self._work(connection, Shift(self, permit, min(left, 1), takes_large=True))

    async def _work(self, connection: Connection, shift: Shift) -> None:
        most = self.site.limits.messages
        try:
            await connection.transmit(shift)
        except Exception as fault:
            if not shift.fail(fault):
                raise
        if shift.answered:
            self._barren = self._failures = 0
        if not connection.usable:
            self._note_ended(shift)
        elif connection.verdicts >= most:
            await asyncio.shield(self._idle.dismiss(connection))
        else:
            self._idle.keep(connection)
            if shift.is_behind:
                await asyncio.sleep(BEHIND_S)
            elif shift.paced:
                wait_s = self.site.pace.wait_s(self._loop.time())
                await asyncio.sleep(min(wait_s, LONGEST_PACED_SLEEP_S))

    def _note_ended(self, shift: Shift) -> None:
        """A connection ended under us. Raises `NoSession` when that happens too often."""
        if not shift.answered and shift.last is not None:  # it had not only been idle for too long
            self._barren += 1
            if self._barren >= BARREN_CONNECTIONS:
                raise NoSession(shift.last)

    def _no_lane(self, why: Verdict | Exception) -> None:
        """No connection can be had: the other lanes have the queue, or nobody has."""
        self.lanes.discard(asyncio.current_task())  # at once: the last one has to know
        said = f"{why.code or ''} {why.text}" if isinstance(why, Verdict) else repr(why)
        self.last_complaint = said.strip()
        now = self._loop.time()
        if self.lanes:
            self.site.pace.slow_down(now)
            self._no_more_until = now + COOLING_S
            return
        self._answers = False
        self._barren = 0
        if not isinstance(why, Verdict) or why.kind == "temporary":
            self._suspend(now)
        waiting = list(self.waiting)
        self.waiting.clear()
        for mail in waiting:
            if isinstance(why, Verdict):
                mail.report_all(why)
            else:
                mail.consignment.fail(why)

    def _suspend(self, now: float) -> None:
        pause_s = self._means.first_suspension_s * 2 ** min(self._failures, 10)
        self.suspended_until = now + min(pause_s, LONGEST_SUSPENSION_S)
        self._failures += 1
