"""bounce: reads a mail that came back, and records what it says about a Delivery.

inbound/<id>.eml → batches/<batch>/outcomes/<bag>.late.<id>.jsonl   a Delivery that bounced late
                   events/<domain>/<day>/<id>.jsonl                 that, and complaints
                   domains/<domain>/suppressions/<digest>.json      hard bounces, complaints
                   received/<domain>/<id>.eml                       mail for the Domain's people
                   notifying/<domain>/<webhook>/…                   what Webhooks have to hear
                   failed/bounce/…                                  what a person has to look at

The return path says which Delivery it is about: its MAC proves that we wrote it. Without one
nothing is changed.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from functions.bounce import plan as planning
from functions.bounce.arrival import arrived_at, next_look
from functions.bounce.plan import Plan
from functions.bounce.reading import read
from functions.bounce.recorded import Bag, Recorded, bag_of
from functions.bounce.report import Report
from shared import feedback, inbound, keys, suppressions, traces
from shared.domains import Directory
from shared.errors import AlreadyExists, Malformed
from shared.feedback import Event
from shared.inbound import Inbound
from shared.inbound_addresses import InboundAddresses
from shared.notifying import Announcer
from shared.outcome import Outcome, encode_lines
from shared.return_paths import ReturnPaths
from shared.stage import Clock, Stage, Wake, write_once
from shared.store.base import Store
from shared.webhooks import RECEIVED

log = logging.getLogger("ekiden.bounce")


class NotUnderstood(Malformed):
    """Nobody is told what this mail says: a person has to look."""


class _TooEarly(Exception):
    """A Delivery's transmission is not recorded yet. Never leaves this module."""


def stage(
    store: Store,
    clock: Clock,
    return_paths: ReturnPaths,
    directory: Directory,
    feedback_addresses: tuple[str, ...] = (),
) -> Stage:
    addresses = InboundAddresses(store, directory, return_paths, feedback_addresses)
    announcer = Announcer(store, directory)
    bounce = _Bounce(store, clock, return_paths, addresses, Recorded(store), announcer)
    return Stage("bounce", bounce.work)


@dataclass(frozen=True, slots=True)
class _Mail:
    """One inbound object, read."""

    name: str
    at: float
    letter: Inbound
    report: Report


@dataclass(frozen=True, slots=True)
class _Bounce:
    store: Store
    clock: Clock
    return_paths: ReturnPaths
    addresses: InboundAddresses
    recorded: Recorded
    announcer: Announcer

    async def work(self, key: str, body: bytes) -> Sequence[Wake]:
        letter = inbound.decode(body)
        report = read(letter.message, letter.sender)
        mail = _Mail(keys.parse_inbound(key), arrived_at(letter.message), letter, report)
        plan = await self._plan(mail)
        try:
            late, complaints = await self._decide(mail, plan)
        except _TooEarly:
            await self._wait(key, body, mail.at)
            return ()
        ready = await self._write(mail, plan, late, complaints)
        log.info("%s: %s", key, report.kind, extra={"key": key, "kind": str(report.kind)})
        if plan.unclear:
            raise NotUnderstood("; ".join(plan.unclear))
        await self.store.delete(key)
        return ready

    async def _plan(self, mail: _Mail) -> Plan:
        addressees = {each: await self.addresses.look_up(each) for each in mail.letter.recipients}
        proven = None
        for address in mail.report.return_paths:
            proven = proven or await self.return_paths.verify(address)
        return planning.sort_out(mail.report, addressees, proven)

    async def _decide(
        self, mail: _Mail, plan: Plan
    ) -> tuple[dict[tuple[str, int], list[Outcome]], list[tuple[str, Event]]]:
        """Before anything is written, so that a mail waits as a whole. Raises `_TooEarly`."""
        bags = {
            place: await self.recorded.bag(*place, mail.name)
            for place in sorted({bag_of(each) for each in [*plan.bounced, *plan.complained]})
        }
        if traces.spans is not None:
            _link([*plan.bounced, *plan.complained], bags)
        late: dict[tuple[str, int], list[Outcome]] = {}
        for place, bag in bags.items():
            deliveries = sorted(each for each in plan.bounced if bag_of(each) == place)
            late[place] = bag.ours or self._late(deliveries, mail, bag)
        complaints = []
        for delivery, domain in sorted(plan.complained.items()):
            bag = bags[bag_of(delivery)]
            if delivery not in bag.sent:
                raise _TooEarly
            event = planning.complaint_event(delivery, mail.report, bag, mail.at)
            complaints.append((domain, event))
        return {place: lines for place, lines in late.items() if lines}, complaints

    def _late(self, deliveries: list[str], mail: _Mail, bag: Bag) -> list[Outcome]:
        if any(planning.is_open(delivery, bag) for delivery in deliveries):
            raise _TooEarly
        return planning.late_outcomes(deliveries, mail.report, bag, mail.at)

    async def _wait(self, key: str, body: bytes, at: float) -> None:
        """Died between the two writes: it is looked at once more than needed."""
        due = next_look(at, self.clock())
        if due is None:
            raise NotUnderstood("a report about a Delivery that was never transmitted")
        await write_once(self.store, keys.waiting(due, key), body)
        await self.store.delete(key)

    async def _write(
        self,
        mail: _Mail,
        plan: Plan,
        late: dict[tuple[str, int], list[Outcome]],
        complaints: list[tuple[str, Event]],
    ) -> list[Wake]:
        """Died between two: the Outcomes that are written decide what the rest says. Returns what
        `notify` may take up."""
        ready: list[Wake] = []
        events: dict[str, list[Event]] = defaultdict(list)
        domains = {bag_of(delivery)[0]: domain for delivery, domain in plan.bounced.items()}
        for (batch, bag), outcomes in late.items():
            lines = await self._record(keys.late_outcome(batch, bag, mail.name), outcomes)
            events[domains[batch]] += map(planning.bounce_event, lines)
        for domain, event in complaints:
            events[domain].append(event)
        for domain, happened in events.items():
            name = keys.event(domain, mail.at, mail.name)
            await write_once(self.store, name, feedback.encode_lines(happened))
            await self._suppress(domain, happened)
            kinds = {each.kind for each in happened}
            ready += await self.announcer.announce(domain, name, kinds, mail.at)
        for domain, addresses in plan.received.items():
            # Only its own addresses: whom else the mail was for is not this Domain's business.
            own = Inbound(mail.letter.sender, addresses, mail.letter.message)
            name = keys.received(domain, mail.name)
            await write_once(self.store, name, inbound.encode(own))
            listening = self.addresses.listening(domain)
            ready += await self.announcer.announce(domain, name, {RECEIVED}, mail.at, listening)
        return ready

    async def _record(self, key: str, outcomes: list[Outcome]) -> list[Outcome]:
        """What stands under the key: of two runs at once, the first has decided."""
        try:
            await self.store.create(key, encode_lines(outcomes))
        except AlreadyExists:
            return await self.recorded.late(key)
        return outcomes

    async def _suppress(self, domain: str, happened: list[Event]) -> None:
        for event in happened:
            entry = planning.suppression(event)
            if entry:
                await suppressions.add(self.store, domain, entry)


def _link(deliveries: list[str], bags: dict[tuple[str, int], Bag]) -> None:
    """Lead from the span of this mail to those of the sends that it is about."""
    for delivery in deliveries:
        place = bag_of(delivery)
        if sent := bags[place].sent.get(delivery):
            traces.note(batch=place[0], bag=place[1])
            traces.link(keys.dispatched(*place, sent.attempt))
