"""A Batch's live progress: few requests, however many Bags, and always exact."""

import asyncio
from collections import Counter
from random import Random

import msgspec
import pytest
from mail_history import START, content_of

from shared import keys
from shared.ids import batch_id, delivery_id
from shared.outcome import Outcome, State, encode_lines
from shared.readback import PROGRESS_ABOVE, BatchStatus, ReadBack
from shared.stats.compact import Compaction
from shared.store.memory import MemoryStore
from shared.store.wrap import CountingStore

B = batch_id(START, bytes(10))
DOMAIN = "example.org"
BAGS, SIZE, PARTS = 200, 500, 3
"""A Batch of 100,000, as `send` records it."""


class Sending:
    """A large Batch on its way."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.now = START
        self.truth: dict[str, State] = {}
        content = content_of(B, BAGS * SIZE, START, bag_size=SIZE)
        self.put(keys.content(B), msgspec.json.encode(content))

    def put(self, key: str, body: bytes) -> None:
        asyncio.run(self.store.put(key, body))

    def part(self, bag: int, part: int, state: State = State.DELIVERED, attempt: int = 0) -> None:
        """A third of a Bag."""
        numbers = range(part, SIZE, PARTS)
        names = [delivery_id(B, bag, n) for n in numbers]
        if attempt:
            names = [name for name in names if self.truth[name] is State.DEFERRED]
        key = keys.outcome_part(B, bag, attempt, part)
        self.put(key, encode_lines(self._line(name, state) for name in names))
        self.truth |= dict.fromkeys(names, state)

    def late(self, bag: int, n: int) -> None:
        """A report came back."""
        name = delivery_id(B, bag, n)
        key = keys.late_outcome(B, bag, batch_id(self.now, Random(n).randbytes(10)))
        self.put(key, encode_lines([self._line(name, State.BOUNCED)]))
        self.truth[name] = State.BOUNCED

    def _line(self, name: str, state: State) -> Outcome:
        retry_at = self.now + 300 if state is State.DEFERRED else 0
        return Outcome(
            delivery=name, recipient="a@b.example", outcome=state, at=self.now, retry_at=retry_at
        )

    def count(self, later_s: float = 60) -> None:
        self.now += later_s
        asyncio.run(Compaction(self.store, lambda: self.now, 60).round(at_once=True))

    def look(self, process: ReadBack | None = None) -> tuple[BatchStatus, int]:
        """As a process that has just begun sees it; how many requests that took."""
        counted = CountingStore(self.store)
        status = asyncio.run((process or ReadBack(counted)).batch(DOMAIN, B, self.now))
        return status, counted.total

    def assert_exact(self, status: BatchStatus) -> None:
        states = Counter(self.truth.values())
        states[State.QUEUED] = BAGS * SIZE - states.total()
        assert status.outcomes == {state: n for state, n in states.items() if n}


@pytest.fixture(scope="module")
def sent() -> Sending:
    """All of it, but for the last Bags."""
    here = Sending()
    for bag in range(BAGS - 5):
        for part in range(PARTS):
            here.part(bag, part)
    here.count()
    return here


def test_a_first_look_at_a_hundred_thousand_takes_a_handful_of_requests(sent: Sending) -> None:
    status, requests = sent.look()
    sent.assert_exact(status)
    assert not status.done
    assert requests <= 5  # content, listing, progress, cancelled


def test_what_was_sent_since_it_was_counted_is_read(sent: Sending) -> None:
    sent.part(BAGS - 1, 0)
    sent.part(BAGS - 2, 0, State.DEFERRED)
    status, requests = sent.look()
    sent.assert_exact(status)
    assert requests <= 5 + 2
    sent.part(BAGS - 2, 0, State.FAILED, attempt=1)
    sent.late(3, 7)
    status, requests = sent.look()
    sent.assert_exact(status)
    assert requests <= 5 + 3 + PARTS + 1  # a Bag that has news is read from its beginning


def test_it_is_exact_at_the_end_and_costs_no_more(sent: Sending) -> None:
    for bag in range(BAGS - 5, BAGS):
        for part in range(PARTS):
            sent.part(bag, part, attempt=0)
    sent.count()
    for n in range(20):
        sent.late(n, 400)
    sent.count(600)
    sent.count(600)
    status, requests = sent.look()
    sent.assert_exact(status)
    assert status.done
    assert requests <= 4


def test_without_statistics_it_is_as_exact(sent: Sending) -> None:
    asyncio.run(sent.store.delete(keys.progress(B)))
    status, requests = sent.look()
    sent.assert_exact(status)
    assert requests > BAGS * PARTS


def test_progress_that_cannot_be_read_is_none(sent: Sending) -> None:
    for body in (b"", b"{", b"[]", b"\xff", b'{"0": {"upto": 1}}', b'{"x": 1}'):
        sent.put(keys.progress(B), body)
        sent.assert_exact(sent.look()[0])


def test_a_second_look_of_a_process_reads_what_is_new(sent: Sending) -> None:
    counted = CountingStore(sent.store)
    process = ReadBack(counted)
    sent.look(process)
    before = counted.total
    sent.look(process)
    assert counted.total - before <= 3


def test_of_a_small_batch_nobody_asks_what_is_counted() -> None:
    assert PROGRESS_ABOVE >= PARTS
