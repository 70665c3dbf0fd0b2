"""Outcomes that a sender has written without its lease, reports that come twice: counted as
`shared/outcome.py` folds them."""

import asyncio
from random import Random

import msgspec
from mail_history import START, content_of, published, recount

from shared import feedback, keys
from shared.feedback import Event
from shared.ids import batch_id, delivery_id
from shared.outcome import Outcome, State, encode_lines
from shared.stats.compact import Compaction
from shared.stats.day_events import DayEvents, count
from shared.store.memory import MemoryStore

B = batch_id(START, Random(1).randbytes(10))
DAY_S = 86_400.0


class Bucket:
    """One Batch, whose parts come as the test says."""

    def __init__(self, accepted: int) -> None:
        self.store = MemoryStore()
        self.now = START
        self.parts = 0
        content = content_of(B, accepted, START)
        asyncio.run(self.store.put(keys.content(B), msgspec.json.encode(content)))

    def part(self, **outcomes: State) -> None:
        """`_0=State.DELIVERED`: what became of Delivery 0."""
        lines = [
            Outcome(
                delivery=delivery_id(B, 0, int(n[1:])),
                recipient="a@b.example",
                outcome=state,
                at=self.now,
                hard=True,
            )
            for n, state in outcomes.items()
        ]
        key = keys.outcome_part(B, 0, 0, self.parts)
        asyncio.run(self.store.put(key, encode_lines(lines)))
        self.parts += 1

    def count(self, later_s: float = 60) -> None:
        self.now += later_s
        asyncio.run(Compaction(self.store, lambda: self.now, 60).round(at_once=True))

    def assert_exact(self) -> None:
        assert asyncio.run(published(self.store)) == asyncio.run(recount(self.store))


def test_a_batch_that_was_finished_and_goes_on() -> None:
    here = Bucket(2)
    here.part(_0=State.DELIVERED, _1=State.FAILED)
    here.count()
    here.part(_0=State.BOUNCED, _1=State.DELIVERED)
    here.count(600)
    here.count(DAY_S)
    here.assert_exact()


def test_a_delivery_that_was_settled_and_has_another_outcome() -> None:
    here = Bucket(3)
    here.part(_0=State.DELIVERED)
    here.count()
    here.part(_0=State.DELIVERED, _1=State.DEFERRED)
    here.count()
    here.part(_0=State.BOUNCED, _1=State.BOUNCED)
    here.count()
    here.part(_0=State.BOUNCED, _1=State.DELIVERED, _2=State.DELIVERED)
    here.count()
    here.assert_exact()


def test_lines_about_no_delivery_of_the_batch_stop_nothing() -> None:
    here = Bucket(1)
    line = Outcome(delivery="?", recipient="", outcome=State.QUEUED, at=START)
    asyncio.run(here.store.put(keys.outcome_part(B, 0, 0, 0), encode_lines([line])))
    here.count()
    assert {kind for _, _, _, kind in asyncio.run(published(here.store))} == {"accepted"}


def bounced(at: float, *, hard: bool) -> Event:
    delivery = delivery_id(B, 0, 0)
    return Event(
        delivery=delivery, recipient="a@b.example", kind=feedback.BOUNCED, at=at, hard=hard
    )


def test_of_two_reports_the_first_counts_in_whatever_order_they_are_read() -> None:
    reports = [bounced(START, hard=False), bounced(START + 7200, hard=True)]
    results = []
    for order in (reports, reports[::-1], reports * 2):
        record = DayEvents()
        for each in order:
            count(record, each, ["spring"])
        results.append(
            {
                (hour, row, kind): number
                for hour, rows in record.counts.items()
                for row, counts in rows.items()
                for kind in counts.__struct_fields__
                if (number := getattr(counts, kind))
            }
        )
    assert results[0] == results[1] == results[2]
    assert {kind for _, _, kind in results[0]} == {"bounced", "bounced_late"}
    assert set(results[0].values()) == {1}


def test_a_reader_who_is_nobody_is_no_reader() -> None:
    record = DayEvents()
    for who in ("anonymous", "anonymous", "p1", "p1", "p2"):
        event = Event(
            delivery="",
            recipient=f"{who}@track.example.org",
            kind=feedback.OPENED,
            at=START,
            batch=B,
        )
        count(record, event, [])
    (rows,) = record.counts.values()
    assert (rows[""].opened, rows[""].opened_first) == (5, 2)


def test_the_record_keeps_no_address() -> None:
    record = DayEvents()
    event = Event(delivery="", recipient="ann@x.example", kind=feedback.COMPLAINED, at=START)
    count(record, event, [])
    assert b"ann@" not in msgspec.json.encode(record)
