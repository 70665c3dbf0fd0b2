"""What a function logs: one JSON object a line, which says what it is about."""

import asyncio
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from event_samples import WORK_KEY, sample

from shared import trace_ids
from shared.config import load
from shared.event_face import EventFace
from shared.events import Scope
from shared.http import Request
from shared.ids import batch_id
from shared.logs import JsonLines, about
from shared.stage import Stage, Wake
from shared.store.memory import MemoryStore

BATCH = WORK_KEY.split("/")[1]


class Lines(logging.Handler):
    """Keeps what would have been written."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))

    @property
    def read(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.texts]


@pytest.fixture
def lines() -> Iterator[Lines]:
    kept, root = Lines(), logging.getLogger("ekiden")
    before = root.level
    root.addHandler(kept)
    root.setLevel(logging.INFO)
    yield kept
    root.removeHandler(kept)
    root.setLevel(before)


log = logging.getLogger("ekiden.test")


def test_a_line_is_one_json_object_however_many_lines_the_message_has(lines: Lines) -> None:
    log.warning("two\nlines of %s", "ünïcode \ud800")
    [text], [line] = lines.texts, lines.read
    assert "\n" not in text
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert (line["level"], line["message"]) == ("warning", "two\nlines of ünïcode \\ud800")


def test_a_traceback_is_part_of_its_line(lines: Lines) -> None:
    try:
        raise ValueError("oh")
    except ValueError:
        log.exception("it failed")
    [line] = lines.read
    assert "ValueError: oh" in line["traceback"]


def test_what_work_is_about_stands_in_all_lines_written_meanwhile(lines: Lines) -> None:
    with about(stage="send", key="a"):
        log.info("one")
        with about(key="b"):
            log.info("two", extra={"status": 204})
    log.info("three")
    one, two, three = lines.read
    assert (one["stage"], one["key"]) == ("send", "a")
    assert (two["stage"], two["key"], two["status"]) == ("send", "b", 204)
    assert not {"stage", "key"} & three.keys()


def worked_off(name: str, **headers: str) -> None:
    """Let a function take this sample."""

    async def work(key: str, body: bytes) -> list[Wake]:
        log.info("in the middle of it")
        return []

    async def story() -> None:
        store = MemoryStore()
        await store.put(WORK_KEY, b"{}")
        face = EventFace(Stage("dispatch", work), store, Scope("dispatch"))
        its = sample(name)
        request = Request("POST", "/", its.headers | headers, its.body)
        assert (await face.handle(request)).status == 204

    asyncio.run(story())


def test_every_line_of_a_stage_names_stage_key_batch_and_trace(lines: Lines) -> None:
    worked_off("s3_put")
    for line in lines.read:
        assert (line["stage"], line["key"], line["batch"]) == ("dispatch", WORK_KEY, BATCH)
        assert line["trace_id"] == trace_ids.of_batch(BATCH)
    assert [line["message"] for line in lines.read] == ["in the middle of it", "done"]
    assert lines.read[1]["status"] == 204
    assert lines.read[1]["duration_ms"] >= 0


@pytest.mark.parametrize("header", ["traceparent", "ce-traceparent"])
def test_a_trace_that_the_event_belongs_to_is_kept(header: str, lines: Lines) -> None:
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    worked_off("s3_put", **{header: parent})
    assert {line["trace_id"] for line in lines.read} == {"4bf92f3577b34da6a3ce929d0e0e4736"}


@pytest.mark.parametrize(
    "value",
    [
        *("", "00-1-1-01", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
    ],
)
def test_a_traceparent_that_is_none_is_not_taken(value: str) -> None:
    assert trace_ids.of_headers({"traceparent": value}) == ""


def test_all_work_of_a_batch_has_one_trace_which_is_its_id_in_hex() -> None:
    batch = batch_id(1_795_000_000.0, bytes(range(10)))
    work = (f"submitted/{batch}.json", f"validated/{batch}/0000.json")
    traces = {trace_ids.of_work(key) for key in (*work, f"dispatched/{batch}/0000.001.jsonl")}
    assert traces == {f"{1_795_000_000_000:012x}{bytes(range(10)).hex()}"}


def test_work_without_a_batch_has_a_trace_of_its_own() -> None:
    arrived = f"inbound/{batch_id(1_795_000_000.0, bytes(10))}.eml"
    assert trace_ids.batch_of(arrived) == trace_ids.batch_of("inbox/example.org/x.json") == ""
    assert re.fullmatch("[0-9a-f]{32}", trace_ids.of_work(arrived))
    assert trace_ids.of_work(arrived) != trace_ids.of_work("inbox/example.org/x.json")


def test_the_token_of_events_is_never_shown() -> None:
    config = load(environ={"EKIDEN_EVENTS_TOKEN": "hunter2"})
    assert config.events.token == "hunter2"
    assert "hunter2" not in repr(config)
