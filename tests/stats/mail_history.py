"""Weeks of mail as objects that appear over time, and the numbers that they come to.

story = history(Random(1))
for at in story.times: story.put_until(store, at)       what the stages would have written
assert await published(store) == recount(objects)       counted another way: from the raw lines
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

import contents
import msgspec

from shared import feedback, keys
from shared.feedback import Event
from shared.ids import batch_id, delivery_id, parse_delivery
from shared.model import Content, Rejection
from shared.outcome import MOVES, Outcome, State
from shared.outcome import decode_lines as outcome_lines
from shared.outcome import encode_lines as encode_outcomes
from shared.stats.publish import decode
from shared.store.base import Store, list_all

START = 1_800_000_000.0
HOUR_S, DAY_S = 3600.0, 86_400.0
DOMAINS = ("example.org", "other.example")
BAG_SIZE = 4

Numbers = Counter[tuple[str, str, str, str]]
"""(domain, hour, row, kind) → how many."""


@dataclass
class History:
    """What is written when."""

    calm: bool = False
    """Everything is written when it happens, as in a relay that runs as it should."""
    objects: list[tuple[float, str, bytes]] = field(default_factory=list)

    def add(self, at: float, key: str, body: bytes) -> None:
        self.objects.append((at, key, body))

    def sorted(self) -> "History":
        self.objects.sort(key=lambda each: each[0])
        return self

    @property
    def end(self) -> float:
        return self.objects[-1][0]

    async def put_until(self, store: Store, at: float) -> None:
        """Write what is written until then."""
        while self.objects and self.objects[0][0] <= at:
            _, key, body = self.objects.pop(0)
            await store.create(key, body)


def history(
    rng: Random,
    batches: int = 25,
    span_s: float = 3 * DAY_S,
    *,
    calm: bool = False,
    start: float = START,
) -> History:
    """Everything that makes counting hard: retries for days, late reports, twice the same report,
    Batches that come in front of validate late, Outcomes that were written twice."""
    story = History(calm)
    for _ in range(batches):
        _batch(story, rng, start + rng.random() * span_s)
    return story.sorted()


def content_of(batch: str, accepted: int, at: float, **more: Any) -> Content:
    given = {"accepted": accepted, "bag_size": BAG_SIZE, **more}
    return contents.content_of(batch, given.pop("domain", DOMAINS[0]), at, **given)


def _batch(story: History, rng: Random, at: float) -> None:
    name = batch_id(at, rng.randbytes(10))
    held_s = rng.choice([0.0, 1.0, *([] if story.calm else [90.0, 2 * HOUR_S, 2 * DAY_S])])
    content = content_of(
        name,
        rng.choice([0, 1, 1, 1, 3, 11]),
        at,
        domain=rng.choice(DOMAINS),
        due_at=at + rng.choice([0, 0, 0, 7 * HOUR_S]),
        rejected=[Rejection("x", "invalid_email")] * rng.randrange(3),
        tags=rng.sample(["spring", "sale", "x/y"], rng.randrange(3)),
    )
    story.add(at + held_s, keys.content(name), msgspec.json.encode(content))
    begin = max(at + held_s, content.due_at)
    for bag in range(-(-content.accepted // BAG_SIZE)):
        rows = range(min(BAG_SIZE, content.accepted - bag * BAG_SIZE))
        _bag(story, rng, content, bag, [(n, begin) for n in rows])


def _bag(
    story: History, rng: Random, content: Content, bag: int, open_: list[tuple[int, float]]
) -> None:
    attempt, written = 0, 0.0
    while open_:
        begin = max(written, *(at for _, at in open_))
        lines = [_outcome(rng, content, bag, n, begin, attempt) for n, _ in open_]
        if story.calm:
            lines = [msgspec.structs.replace(line, at=begin) for line in lines]
        size = rng.choice([1, 2, BAG_SIZE])
        for part, first in enumerate(range(0, len(lines), size)):
            group = lines[first : first + size]
            key = keys.outcome_part(content.batch, bag, attempt, part)
            # `send` writes one part after the other, and defers when all are written.
            written = max(written, *(line.at for line in group)) + rng.random()
            story.add(written, key, encode_outcomes(group))
        for line in lines:
            if line.outcome is State.DELIVERED:
                _afterwards(story, rng, content, line)
        again = [line for line in lines if line.outcome is State.DEFERRED]
        open_ = [(parse(line), line.retry_at) for line in again]
        attempt += 1


def parse(line: Outcome) -> int:
    place = parse_delivery(line.delivery)
    assert place
    return place[2]


def _outcome(
    rng: Random, content: Content, bag: int, n: int, begin: float, attempt: int
) -> Outcome:
    finals = [State.DELIVERED] * 6 + [State.BOUNCED, State.FAILED, State.REJECTED, State.CANCELLED]
    state = rng.choice([*finals, *([State.DEFERRED] * 5 if attempt < 5 else [])])
    at = begin + rng.random() * rng.choice([1, 60, 4000])
    domain = rng.choice(["gmail.example", "GMX.example", "sea.example"])
    return Outcome(
        delivery=delivery_id(content.batch, bag, n),
        recipient=f"r{n}@{domain}",
        outcome=state,
        at=at,
        attempt=attempt,
        hard=state is State.BOUNCED and rng.random() < 0.5,
        retry_at=at + 300 * 2**attempt if state is State.DEFERRED else 0,
    )


def _afterwards(story: History, rng: Random, content: Content, line: Outcome) -> None:
    """Reports, opens, clicks, long after it was delivered."""
    for _ in range(rng.choice([0, 0, 1, 4])):
        at = line.at + rng.random() * rng.choice([60, HOUR_S, 2 * DAY_S])
        _event(story, rng, content.domain, at, _tracked(rng, content, line, at))
    if rng.random() < 0.3:
        at = line.at + rng.random() * DAY_S
        for kind in (feedback.COMPLAINED, feedback.UNSUBSCRIBED):
            if rng.random() < 0.5:
                event = Event(delivery=line.delivery, recipient=line.recipient, kind=kind, at=at)
                _event(story, rng, content.domain, at, event)
    if rng.random() < 0.3:
        _report(story, rng, content, line, rng.choice([1, 1, 2]))


def _report(story: History, rng: Random, content: Content, line: Outcome, times: int) -> None:
    """A late bounce; two mails about one Delivery, read at the same moment, are both recorded."""
    at = line.at + rng.random() * 5 * HOUR_S
    read = at + (1 if story.calm else rng.choice([1, 3, 5 * HOUR_S]))
    for _ in range(times):
        name = batch_id(at, rng.randbytes(10))
        late = msgspec.structs.replace(line, outcome=State.BOUNCED, at=at, hard=True)
        place = parse_delivery(line.delivery)
        assert place
        story.add(read, keys.late_outcome(content.batch, place[1], name), encode_outcomes([late]))
        event = Event(
            delivery=line.delivery,
            recipient=line.recipient,
            kind=feedback.BOUNCED,
            at=at,
            hard=True,
        )
        body = feedback.encode_lines([event])
        story.add(read + 1, keys.event(content.domain, at, name), body)


def _tracked(rng: Random, content: Content, line: Outcome, at: float) -> Event:
    kind = rng.choice([feedback.OPENED, feedback.CLICKED])
    by = rng.choice([feedback.PERSON, feedback.PERSON, feedback.PROXY, feedback.BOT])
    who = rng.choice(["", "anonymous", "p1"])
    host = f"track.{content.domain}"
    return Event(
        delivery="" if who else line.delivery,
        recipient=f"{who}@{host}" if who else "",
        kind=kind,
        at=at,
        batch=content.batch,
        by=by,
    )


def _event(story: History, rng: Random, domain: str, at: float, event: Event) -> None:
    written = at + rng.random()
    name = batch_id(written, rng.randbytes(10))
    story.add(written, keys.event(domain, at, name), feedback.encode_lines([event]))


# ---- counted another way -----------------------------------------------------------------------


async def recount(store: Store) -> Numbers:
    """From the raw objects, all at once."""
    bodies = {entry.key: (await store.get(entry.key)).body async for entry in list_all(store, "")}
    contents = {
        key.split("/")[1]: msgspec.json.decode(body, type=Content)
        for key, body in bodies.items()
        if key.endswith("/content.json")
    }
    numbers: Numbers = Counter()
    for content in contents.values():
        hour, rows = _hour(content.accepted_at), ["", *(f"tag:{tag}" for tag in content.tags)]
        for row in rows:
            numbers[content.domain, hour, row, "accepted"] += content.accepted
            numbers[content.domain, hour, row, "refused"] += len(content.rejected)
    _count_outcomes(numbers, bodies, contents)
    for domain in DOMAINS:
        _count_events(numbers, domain, bodies, contents)
    return +numbers


def _count_outcomes(
    numbers: Numbers, bodies: dict[str, bytes], contents: dict[str, Content]
) -> None:
    """Each move that `shared/outcome.py` allows, in the order of the keys."""
    now: dict[str, State] = {}
    for key in sorted(key for key in bodies if "/outcomes/" in key):
        content = contents[key.split("/")[1]]
        for line in outcome_lines(bodies[key]):
            was = now.get(line.delivery, State.QUEUED)
            if line.outcome not in MOVES[was]:
                continue
            now[line.delivery] = line.outcome
            kinds = [str(line.outcome)]
            if line.outcome is State.BOUNCED:
                kinds += ["bounced_hard"] * line.hard + ["bounced_late"] * (was is State.DELIVERED)
            to = f"to:{line.recipient.partition('@')[2].lower()}"
            for row in ["", *(f"tag:{tag}" for tag in content.tags), to]:
                for kind in kinds:
                    numbers[content.domain, _hour(line.at), row, kind] += 1


def _count_events(
    numbers: Numbers, domain: str, bodies: dict[str, bytes], contents: dict[str, Content]
) -> None:
    """Tracking, complaints, unsubscribing: late bounces are in the Outcomes."""
    for at, kind, event in sorted(_happened(domain, bodies), key=lambda each: each[:2]):
        content = contents[event.batch or event.delivery.partition(".")[0]]
        rows = ["", *(f"tag:{tag}" for tag in content.tags)]
        if not event.batch:
            rows.append(f"to:{event.recipient.partition('@')[2].lower()}")
        for row in rows:
            numbers[domain, _hour(at), row, kind] += 1


def _happened(domain: str, bodies: dict[str, bytes]) -> Iterator[tuple[float, str, Event]]:
    first: dict[tuple[str, str, str], tuple[float, Event]] = {}
    for key, body in bodies.items():
        if not key.startswith(f"events/{domain}/"):
            continue
        for event in feedback.decode_lines(body):
            if event.kind == feedback.BOUNCED:
                continue
            if event.kind in (feedback.OPENED, feedback.CLICKED):
                yield event.at, event.kind + (f"_{event.by}" if event.by else ""), event
            if event.by or event.recipient.startswith("anonymous"):
                continue
            who = event.delivery or event.batch + event.recipient
            place = event.kind, who, _hour(event.at)[:10]
            if place not in first or first[place][0] > event.at:
                first[place] = event.at, event
    for (kind, _, _), (at, event) in first.items():
        yield at, f"{kind}_first" if kind in (feedback.OPENED, feedback.CLICKED) else kind, event


def _hour(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H}"


async def published(store: Store) -> Numbers:
    """What stands in `stats/`, of each Domain."""
    numbers = await _published(store)
    return Counter({place: n for place, n in numbers.items() if place[0] != keys.ALL_DOMAINS})


async def published_of_all(store: Store) -> Numbers:
    numbers = await _published(store)
    return Counter({place: n for place, n in numbers.items() if place[0] == keys.ALL_DOMAINS})


async def _published(store: Store) -> Numbers:
    numbers: Numbers = Counter()
    async for entry in list_all(store, "stats/"):
        domain = entry.key.split("/")[1]
        day, _ = keys.parse_stats(entry.key)
        for source in decode((await store.get(entry.key)).body).sources.values():
            for hour, rows in source.hours.items():
                assert hour.startswith(day)
                for row, counts in rows.items():
                    for kind in counts.__struct_fields__:
                        numbers[domain, hour, row, kind] += getattr(counts, kind)
    return +numbers


def of_all(numbers: Numbers) -> Numbers:
    """What all Domains' numbers have to be, from those of each."""
    total: Numbers = Counter()
    for (domain, hour, row, kind), number in numbers.items():
        if not row.startswith("tag:"):
            total[keys.ALL_DOMAINS, hour, row, kind] += number
        if not row:
            total[keys.ALL_DOMAINS, hour, f"of:{domain}", kind] += number
    return +total
