"""The lease on a Bag: who is sending it, until when. Only `send` needs one (design.md §3, rule 5).

Taken with a create-only put, renewed and stolen by compare-and-swap. Whoever is late stops by
itself: nothing is transmitted after `until`, and nobody steals before that moment has passed, so
two clocks may differ by `SKEW_S` without harm. A lease that has ended, and that nobody has taken,
may be renewed: after a pause of the process or of the store its holder goes on.

The object has a line that says who and until when. Below it may stand a journal: Outcomes that are
not in the Batch yet. Whoever steals the lease gets them with it, in one atomic step, and no late
word of the old holder can come behind.
"""

import asyncio
from contextlib import suppress

import msgspec

from shared.errors import AlreadyExists, Busy, Changed, EkidenError, NotFound, Temporary
from shared.stage import Clock
from shared.store.base import Store

SKEW_S = 2.0


class Held(msgspec.Struct, frozen=True):
    """`leases/send/…`."""

    owner: str
    until: float


class Lease:
    """One lease that this process holds. Renews itself in the background until `stop`."""

    def __init__(self, store: Store, clock: Clock, key: str, owner: str, duration_s: float) -> None:
        self.key = key
        self._store = store
        self._clock = clock
        self._owner = owner
        self._duration_s = duration_s
        self._until = 0.0
        self._etag = ""
        self._lost = False
        self._journal = b""
        self._unanswered: list[bytes] = []
        self.inherited = b""
        """The journal of a holder who died: lines of Outcomes."""
        self.stolen = False
        """Somebody had it before us and let it end: mails may have been sent that nobody knows."""
        self._one_renewal = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._renewing: asyncio.Task[None] | None = None

    async def take(self) -> None:
        """Raises `Busy` while another holds it."""
        held = self._fresh()
        try:
            self._hold(held, await self._store.create(self.key, self._body(held)))
        except AlreadyExists:
            await self._steal()
        self._renew_later()

    def _fresh(self) -> Held:
        return Held(self._owner, self._clock() + self._duration_s)

    def _body(self, held: Held) -> bytes:
        return msgspec.json.encode(held) + b"\n" + self._journal

    async def _steal(self) -> None:
        try:
            found = await self._store.get(self.key)
            first, _, journal = found.body.partition(b"\n")
            other = msgspec.json.decode(first, type=Held)
            if other.until + SKEW_S > self._clock():
                raise Busy(f"{self.key} is held by {other.owner}")
            self.inherited = self._journal = journal
            self.stolen = True
            held = self._fresh()
            etag = await self._store.replace(self.key, self._body(held), found.etag)
        except (NotFound, Changed) as error:
            raise Busy(f"{self.key} changes hands just now") from error
        self._hold(held, etag)

    def _renew_later(self) -> None:
        # A timer, not a task: most Bags are sent before it fires.
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._duration_s / 3, self._start_renewing)

    def _start_renewing(self) -> None:
        self._renewing = asyncio.create_task(self._renew_in_time())

    async def _renew_in_time(self) -> None:
        with suppress(EkidenError):  # it holds until it ends; the next try comes before
            await self.renew()
        if not self._lost:
            self._renew_later()

    async def renew(self) -> None:
        """Hold it for its full time from now, also if it had ended and nobody has taken it.

        Raises `Temporary` if the store does not say. Afterwards it may be `lost`.
        """
        async with self._one_renewal:
            held = self._fresh()
            body = self._body(held)
            try:
                etag = await self._store.replace(self.key, body, self._etag)
            except Temporary as error:
                if not isinstance(error, Changed):
                    self._unanswered.append(body)
                    raise
                await self._look_who_changed_it()
            except BaseException:
                self._unanswered.append(body)  # cancelled on the way: it may have been put
                raise
            else:
                self._hold(held, etag)

    async def hand_on(self) -> None:
        """Let it end now, and stay: it was stolen, and the next holder has to know that mails may
        have been sent that nobody has written down."""
        held = Held(self._owner, 0.0)
        await self._store.replace(self.key, self._body(held), self._etag)
        self._lost = True

    async def write_journal(self, lines: bytes) -> None:
        """Put Outcomes beside the lease, until they are in the Batch. Raises as `renew` does."""
        self._journal = lines
        await self.renew()

    def shorten_journal(self, lines: bytes) -> None:
        """The rest of it is in the Batch: the next renewal leaves it out."""
        self._journal = lines

    async def _look_who_changed_it(self) -> None:
        """Another holder, or an earlier try of ours whose answer was lost."""
        try:
            found = await self._store.get(self.key)
        except NotFound:
            self._lost = True
            return
        if found.body in self._unanswered:
            self._hold(msgspec.json.decode(found.body.partition(b"\n")[0], type=Held), found.etag)
        else:
            self._lost = True

    def _hold(self, held: Held, etag: str) -> None:
        self._etag = etag
        self._until = held.until
        self._unanswered.clear()

    @property
    def lost(self) -> bool:
        """For good: another holds it, or has done our work."""
        return self._lost

    def holds(self) -> bool:
        """Whether this process may transmit now."""
        return not self._lost and self._clock() < self._until

    def give_up(self) -> None:
        """Stop at once, and leave the rest to others."""
        self._lost = True

    async def stop(self) -> bool:
        """End the renewing; return whether the lease is still ours to delete."""
        if self._renewing is not None and not self._renewing.done():
            await self._renewing
        if self._timer is not None:
            self._timer.cancel()
        return self.holds()
