"""Ids of spans: derived from keys, so that every stage knows the one before it."""

import re

import pytest

from shared import keys, trace_ids
from shared.ids import batch_id

BATCH = batch_id(1_795_000_000.0, bytes(range(10)))
WAY = [
    keys.submitted(BATCH),
    keys.validated(BATCH, 7),
    keys.dispatched(BATCH, 7, 0),
    keys.dispatched(BATCH, 7, 1),
    keys.dispatched(BATCH, 7, 2),
]


def test_each_step_of_the_way_has_the_one_before_as_its_parent() -> None:
    before = [trace_ids.span_of_submit(BATCH), *map(trace_ids.span_of_work, WAY)]
    assert [trace_ids.parent_of_work(key) for key in WAY] == before[:-1]
    assert len(set(before)) == len(before)
    assert all(re.fullmatch("[0-9a-f]{16}", span) for span in before)


@pytest.mark.parametrize(
    "key",
    ["inbox/example.org/x.json", "inbound/x.eml", "submitted/x.json", f"dispatched/{BATCH}/x", ""],
)
def test_what_begins_a_trace_or_has_an_odd_key_has_no_parent(key: str) -> None:
    assert trace_ids.parent_of_work(key) == ""


def test_a_key_says_batch_bag_and_attempt() -> None:
    assert trace_ids.place_of_work(WAY[0]) == {"batch": BATCH}
    assert trace_ids.place_of_work(WAY[1]) == {"batch": BATCH, "bag": 7}
    assert trace_ids.place_of_work(WAY[4]) == {"batch": BATCH, "bag": 7, "attempt": 2}
    assert trace_ids.place_of_work("inbound/x.eml") == {}


@pytest.mark.parametrize("rest", ["", "-later", "x"])
def test_a_traceparent_of_a_later_version_may_go_on_behind_a_dash(rest: str) -> None:
    text = f"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01{rest}"
    assert (trace_ids.parse_traceparent(text) is None) == (rest == "x")
