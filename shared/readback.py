"""Reading back: a Batch's progress, its Deliveries, one Delivery's history.

All of it is folded from the objects in the bucket. A Bag whose Outcomes have not changed since the
last look is not read again, and of a large Batch, those that the statistics have counted already
are not read at all.
"""

from collections import Counter
from collections.abc import AsyncIterator

import msgspec

from shared import keys
from shared.batches import is_cancelled, load_content, message_id, outcome_parts, read_outcomes
from shared.codec import unpack
from shared.errors import NotFound
from shared.http import Problem
from shared.ids import delivery_id, is_batch_id, parse_delivery
from shared.model import Bag, Content, Envelope, Rejection
from shared.outcome import FINAL, Outcome, State, count, latest
from shared.stats import progress
from shared.store.base import Store
from shared.together import together

MAX_PAGE = 1000
MAX_SHOWN_REJECTIONS = 1000
PROGRESS_ABOVE = 10
"""Outcomes objects to be read; for fewer it is not worth a request to ask what is counted."""
BAGS_AT_ONCE = 8


class BatchStatus(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /v1/batches/{batch}`."""

    batch: str
    domain: str
    state: str
    """`accepted`, `scheduled`, `sending`, `done` or `cancelled`."""
    done: bool
    accepted_at: float
    due_at: float
    sender: str
    subject: str
    accepted: int
    rejected: int
    outcomes: dict[State, int]
    """Accepted Deliveries by where they are; the numbers add up to `accepted`."""
    rejected_recipients: list[Rejection]
    tags: list[str]
    metadata: dict[str, str]


class DeliveryStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted Recipient, and where its mail is."""

    delivery: str
    recipient: str
    state: State
    message_id: str
    last: Outcome | None = None


class DeliveryPage(msgspec.Struct, frozen=True):
    """`GET /v1/batches/{batch}/deliveries`."""

    deliveries: list[DeliveryStatus]
    next: str = ""
    """Give it as `after` for the next page; empty on the last one."""


class DeliveryHistory(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /v1/deliveries/{delivery}`."""

    delivery: str
    recipient: str
    state: State
    message_id: str
    outcomes: list[Outcome]


class BatchList(msgspec.Struct, frozen=True):
    """`GET /v1/batches?tag=…`: ids, oldest first."""

    batches: list[str]
    next: str = ""


class ReadBack:
    """Answers what became of a Domain's Batches. Another Domain's do not exist."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counted: dict[str, tuple[int, Counter[State]]] = {}

    async def content(self, domain: str, batch: str) -> Content:
        """Raises `Problem` 404, also for a Batch of another Domain."""
        try:
            if is_batch_id(batch):
                content = await load_content(self._store, batch)
                if content.domain == domain:
                    return content
        except NotFound:
            pass
        raise Problem(404, "unknown_batch", f"{domain} has no Batch {batch!r}")

    async def batch(self, domain: str, batch: str, now: float) -> BatchStatus:
        """Raises `Problem`."""
        content = await self.content(domain, batch)
        counts = await self._count(batch)
        finished = sum(counts[state] for state in FINAL)
        counts[State.QUEUED] = content.accepted - sum(counts.values())
        done = finished == content.accepted
        return BatchStatus(
            batch=batch,
            domain=domain,
            state=await self._state(content, done, now, started=bool(finished)),
            done=done,
            accepted_at=content.accepted_at,
            due_at=content.due_at,
            sender=content.sender.email,
            subject=content.subject,
            accepted=content.accepted,
            rejected=len(content.rejected),
            outcomes={state: counts[state] for state in State if counts[state]},
            rejected_recipients=content.rejected[:MAX_SHOWN_REJECTIONS],
            tags=content.tags,
            metadata=content.metadata,
        )

    async def _state(self, content: Content, done: bool, now: float, *, started: bool) -> str:
        if not done and await is_cancelled(self._store, content.batch):
            return "cancelled"
        if done:
            return "done"
        if content.due_at > now:
            return "scheduled"
        return "sending" if content.bag_size or started else "accepted"

    async def _count(self, batch: str) -> Counter[State]:
        bags: dict[int, list[str]] = {}
        for part in await outcome_parts(self._store, keys.outcomes(batch)):
            bags.setdefault(keys.bag_of_outcomes(part), []).append(part)
        unread = {bag: parts for bag, parts in bags.items() if not self._known(batch, bag, parts)}
        if sum(map(len, unread.values())) > PROGRESS_ABOVE:
            await self._take_progress(batch, unread)
        total: Counter[State] = Counter()
        every = list(bags.items())
        for start in range(0, len(every), BAGS_AT_ONCE):
            group = every[start : start + BAGS_AT_ONCE]
            for counts in await together(self._count_bag(batch, *each) for each in group):
                total += counts
        return total

    def _known(self, batch: str, bag: int, parts: list[str]) -> Counter[State] | None:
        known = self._counted.get(keys.outcomes_of_bag(batch, bag))
        # Parts are added, never changed nor taken away.
        return known[1] if known and known[0] == len(parts) else None

    async def _take_progress(self, batch: str, bags: dict[int, list[str]]) -> None:
        """Of those Bags that have not changed since they were counted for the statistics."""
        for bag, known in (await progress.load(self._store, batch)).items():
            parts = bags.get(bag, [])
            late = [part for part in parts if keys.name_of_late_outcome(part)]
            last = keys.outcomes_of_bag(batch, bag) + known.upto + ".jsonl"
            sent = parts[: len(parts) - len(late)]  # late ones sort behind all others
            if len(late) == known.late and sent and sent[-1] == last:
                self._remember(batch, bag, parts, Counter(known.states))

    async def _count_bag(self, batch: str, bag: int, parts: list[str]) -> Counter[State]:
        counts = self._known(batch, bag, parts)
        if counts is None:
            counts = count(latest(await read_outcomes(self._store, parts)).values())
            self._remember(batch, bag, parts, counts)
        return counts

    def _remember(self, batch: str, bag: int, parts: list[str], counts: Counter[State]) -> None:
        if len(self._counted) >= 10_000:
            self._counted.clear()
        self._counted[keys.outcomes_of_bag(batch, bag)] = (len(parts), counts)

    async def deliveries(
        self, domain: str, batch: str, after: str, limit: int, only: State | None
    ) -> DeliveryPage:
        """One page of a Batch's Deliveries in the order of their ids. Raises `Problem`."""
        content = await self.content(domain, batch)
        if not 1 <= limit <= MAX_PAGE:
            raise Problem(422, "invalid_parameter", f"limit has to be 1 to {MAX_PAGE}")
        start = parse_delivery(after)
        if after and (start is None or start[0] != batch):
            raise Problem(
                422, "invalid_parameter", f"after: {after!r} is no Delivery of this Batch"
            )
        page: list[DeliveryStatus] = []
        async for status in self._statuses(content, start[1] if start else 0):
            if status.delivery <= after or (only and status.state != only):
                continue
            page.append(status)
            if len(page) == limit:
                return DeliveryPage(page, status.delivery)
        return DeliveryPage(page)

    async def _statuses(self, content: Content, first_bag: int) -> AsyncIterator[DeliveryStatus]:
        if not content.bag_size:
            return  # not validated yet
        for bag in range(first_bag, -(-content.accepted // content.bag_size)):
            for status in await self._bag(content, bag):
                yield status

    async def _bag(self, content: Content, bag: int) -> list[DeliveryStatus]:
        batch = content.batch
        recipients = await self._queued(content, bag)
        parts = await outcome_parts(self._store, keys.outcomes_of_bag(batch, bag))
        now = latest(await read_outcomes(self._store, parts))
        recipients |= {delivery: outcome.recipient for delivery, outcome in now.items()}
        return [
            DeliveryStatus(
                delivery=delivery,
                recipient=recipients[delivery],
                state=now[delivery].outcome if delivery in now else State.QUEUED,
                message_id=message_id(content, delivery),
                last=now.get(delivery),
            )
            for delivery in sorted(recipients)
        ]

    async def _queued(self, content: Content, bag: int) -> dict[str, str]:
        """Delivery → recipient of a Bag on its way, read in the order in which it travels."""
        batch = content.batch
        work = keys.validated(batch, bag)
        envelopes = keys.dispatched(batch, bag, 0)
        for key in (keys.waiting(content.due_at, work), work, envelopes):
            try:
                body = unpack((await self._store.get(key)).body)
            except NotFound:
                continue
            if key == envelopes:
                lines = body.split(b"\n")[1:]
                read = [msgspec.json.decode(line, type=Envelope) for line in lines if line]
                return {delivery_id(batch, bag, each.n): each.recipient for each in read}
            rows = msgspec.json.decode(body, type=Bag).rows
            return {delivery_id(batch, bag, row.n): row.email for row in rows}
        return {}

    async def delivery(self, domain: str, delivery: str) -> DeliveryHistory:
        """Raises `Problem`."""
        place = parse_delivery(delivery)
        if place is None:
            raise Problem(404, "unknown_delivery", f"{domain} has no Delivery {delivery!r}")
        batch, bag, _ = place
        content = await self.content(domain, batch)
        for status in await self._bag(content, bag):
            if status.delivery == delivery:
                parts = await outcome_parts(self._store, keys.outcomes_of_bag(batch, bag))
                read = await read_outcomes(self._store, parts)
                return DeliveryHistory(
                    delivery=delivery,
                    recipient=status.recipient,
                    state=status.state,
                    message_id=status.message_id,
                    outcomes=[outcome for outcome in read if outcome.delivery == delivery],
                )
        raise Problem(404, "unknown_delivery", f"{domain} has no Delivery {delivery!r}")

    async def tagged(self, domain: str, tag: str, after: str, limit: int) -> BatchList:
        """The Batches of a Domain that carry this tag. Raises `Problem`."""
        if not 1 <= limit <= MAX_PAGE:
            raise Problem(422, "invalid_parameter", f"limit has to be 1 to {MAX_PAGE}")
        if after and not is_batch_id(after):
            raise Problem(422, "invalid_parameter", f"after: {after!r} is no Batch's id")
        prefix = keys.tag(domain, tag)
        start = keys.tagged(domain, tag, after) if after else ""
        entries = await self._store.list_page(prefix, start, limit)
        batches = [keys.parse_tagged(entry.key)[1] for entry in entries]
        return BatchList(batches, batches[-1] if len(batches) == limit else "")
