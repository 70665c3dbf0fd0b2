"""One object that nobody can read is named in the log and stops the counting of nothing else."""

import asyncio
import logging

import msgspec
import pytest
from mail_history import DAY_S, DOMAINS, START, Numbers, content_of, published

from shared import feedback, keys
from shared.feedback import Event
from shared.ids import batch_id, delivery_id
from shared.outcome import Outcome, State, encode_lines
from shared.stats.compact import Compaction
from shared.stats.query import Question, answer
from shared.stats.ranges import asked
from shared.store.memory import MemoryStore

NOW = START + DAY_S
SPOILT = batch_id(START + 60, bytes(10))
NAME = batch_id(START + 60, bytes(10))
READABLE = f'{{"delivery":"{SPOILT}.0000.0000","recipient":"a@b.example","outcome":"delivered"'

UNREADABLE_OUTCOMES = [
    b"garbage",
    READABLE[:40].encode(),
    b'{"delivery":"\xff"}',
    READABLE.replace("delivered", "exploded").encode() + b',"at":1800000000}',
    READABLE.encode() + b',"at":1e300}',
    READABLE.encode() + b',"at":-1e13}',
]
UNREADABLE_CONTENTS = [b"", b"garbage", b"\x28\xb5\x2f\xfdcut off", b"[]"]
FOREIGN = [
    "batches/_SUCCESS",
    f"batches/{SPOILT}/outcomes/readme.txt",
    f"batches/{SPOILT}/outcomes/a/b.jsonl",
    f"events/{DOMAINS[0]}/{keys.day(START)}/a/b.jsonl",
    f"stats/{DOMAINS[0]}/_SUCCESS",
    "submitted/readme.txt",
]


async def world(spoilt: dict[str, bytes]) -> MemoryStore:
    """Two Batches that are well, and what is not."""
    store = MemoryStore(lambda: NOW)
    for number in (1, 2):
        name = batch_id(START + 50 * number, bytes(10))
        content = content_of(name, 1, START + 50 * number)
        await store.put(keys.content(name), msgspec.json.encode(content))
        line = Outcome(
            delivery=delivery_id(name, 0, 0),
            recipient="a@b.example",
            outcome=State.DELIVERED,
            at=START + 100,
        )
        await store.put(keys.outcome_part(name, 0, 0, 0), encode_lines([line]))
        event = Event(delivery=line.delivery, recipient="", kind="opened", at=START + 200)
        late = keys.event(DOMAINS[0], event.at, batch_id(event.at, bytes([number] * 10)))
        await store.put(late, feedback.encode_lines([event]))
    for key, body in spoilt.items():
        await store.put(key, body)
    return store


def counted(spoilt: dict[str, bytes]) -> Numbers:
    """What stands in `stats/` after a round."""

    async def story() -> Numbers:
        store = await world(spoilt)
        await Compaction(store, lambda: NOW, 60).round()
        return await published(store)

    return asyncio.run(story())


WELL = counted({})
CONTENT = {keys.content(SPOILT): msgspec.json.encode(content_of(SPOILT, 1, START + 60))}


def delivered(numbers: Numbers) -> int:
    return sum(n for (_, _, row, kind), n in numbers.items() if not row and kind == "delivered")


def test_the_others_are_there_to_be_counted() -> None:
    assert delivered(WELL) == 2
    assert any(kind == "opened" for *_, kind in WELL)


@pytest.mark.parametrize("body", UNREADABLE_OUTCOMES)
def test_outcomes_that_cannot_be_read_stop_no_others(
    body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    key = keys.outcome_part(SPOILT, 0, 0, 0)
    assert delivered(counted({**CONTENT, key: body})) == 2
    assert f"{key} cannot be read" in caplog.text


@pytest.mark.parametrize("body", UNREADABLE_CONTENTS)
def test_a_batch_whose_content_cannot_be_read_stops_no_others(
    body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    assert counted({keys.content(SPOILT): body}) == WELL
    assert SPOILT in caplog.text


@pytest.mark.parametrize("body", [b"garbage", b'{"kind":', b"\xff", b"[1]"])
def test_events_that_cannot_be_read_stop_no_others(
    body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    key = keys.event(DOMAINS[0], START, NAME)
    assert counted({key: body}) == WELL
    assert f"{key} cannot be read" in caplog.text


def test_an_event_of_a_time_that_cannot_be_is_not_counted() -> None:
    events = [Event(delivery="", recipient="a@b", kind="complained", at=at) for at in (1e300, -1e9)]
    key = keys.event(DOMAINS[0], START, NAME)
    assert counted({key: feedback.encode_lines(events)}) == WELL


@pytest.mark.parametrize("key", FOREIGN)
def test_what_no_stage_has_written_is_passed_over(key: str) -> None:
    async def story() -> None:
        store = await world({key: b"x"})
        await Compaction(store, lambda: NOW, 60).round()
        assert await published_without(store, key) == WELL
        found = await answer(store, DOMAINS[0], Question(asked("", "", "day", NOW)))
        assert found.lines[0].total.delivered == 2

    asyncio.run(story())


async def published_without(store: MemoryStore, key: str) -> Numbers:
    await store.delete(key)
    return await published(store)


def test_an_index_that_cannot_be_read_is_as_good_as_none() -> None:
    assert counted({keys.stats_index(): b"garbage"}) == WELL


def test_a_record_that_cannot_be_read_is_named_and_stops_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)
    of_batches, of_events = (
        keys.stats_window("20270115T0745Z"),
        keys.stats_events(DOMAINS[0], keys.day(START - DAY_S)),
    )
    spoilt = batch_id(START - 800, bytes(10))
    content = msgspec.json.encode(content_of(spoilt, 1, START - 800))
    event = keys.event(DOMAINS[0], START - DAY_S, batch_id(START - DAY_S, bytes(10)))
    body = feedback.encode_lines([Event(delivery="", recipient="a@b", kind="x", at=START)])
    given = {of_batches: b"garbage", of_events: b"garbage", keys.content(spoilt): content}
    assert counted({**given, event: body}) == WELL
    assert of_batches in caplog.text
    assert of_events in caplog.text
