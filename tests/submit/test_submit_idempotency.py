"""`Idempotency-Key`: the same call sent twice becomes one Batch (feature P1)."""

import asyncio
from typing import Any

import pytest
from desk import BATCH, Desk

from shared import keys
from shared.domains import Template
from shared.store.memory import MemoryStore
from shared.store.wrap import Died, FaultStore

OTHER = {**BATCH, "subject": "Another one"}
DAY_S = 86400


def batches(desk: Desk) -> list[str]:
    return [key for key in desk.work() if key.startswith(("submitted/", "batches/"))]


def records(desk: Desk) -> list[str]:
    return [key for key in desk.keys("domains/") if "/idempotency/" in key]


def test_a_repeat_gets_the_same_answer_and_makes_no_second_batch() -> None:
    desk = Desk()
    first = desk.submit(BATCH, idempotency_key="k1")
    desk.now += 60
    second = desk.submit(BATCH, idempotency_key="k1")
    assert (second.status, second.json) == (202, first.json)
    assert second.headers["location"] == first.headers["location"]
    assert batches(desk) == [keys.submitted(first.json["batch"])]


def test_a_repeat_wakes_nobody() -> None:
    desk = Desk()
    desk.submit(BATCH, idempotency_key="k1")
    desk.submit(BATCH, idempotency_key="k1")
    assert len(desk.woken) == 1


def test_without_a_key_two_calls_are_two_batches() -> None:
    desk = Desk()
    assert desk.submit(BATCH).json["batch"] != desk.submit(BATCH).json["batch"]


def test_another_key_is_another_call() -> None:
    desk = Desk()
    first = desk.submit(BATCH, idempotency_key="k1")
    assert desk.submit(BATCH, idempotency_key="k2").json["batch"] != first.json["batch"]


def test_the_same_key_with_another_body_is_refused() -> None:
    desk = Desk()
    desk.submit(BATCH, idempotency_key="k1")
    before = desk.work()
    answer = desk.submit(OTHER, idempotency_key="k1")
    assert (answer.status, answer.problem) == (422, "idempotency_key_reused")
    assert desk.work() == before


def test_the_same_message_to_others_is_another_call() -> None:
    desk = Desk()
    message = b"From: news@example.org\r\n\r\nHello\r\n"

    def post(to: str) -> Any:
        path = f"/v1/messages?to={to}"
        return desk.call("POST", path, message, content_type="message/rfc822", idempotency_key="k1")

    assert post("ann@sink.example").status == 202
    assert post("ben@sink.example").problem == "idempotency_key_reused"
    assert post("ann@sink.example").status == 202


def test_keys_of_two_domains_do_not_meet() -> None:
    desk = Desk()
    other = desk.add_domain("other.example")
    desk.submit(BATCH, idempotency_key="k1")
    batch = {**BATCH, "sender": {"email": "x@other.example"}}
    answer = desk.submit(batch, idempotency_key="k1", authorization=f"Bearer {other}")
    assert answer.status == 202


def test_a_key_is_fresh_after_24_hours_and_not_before() -> None:
    desk = Desk()
    first = desk.submit(BATCH, idempotency_key="k1").json["batch"]
    desk.now += DAY_S - 1
    assert desk.submit(BATCH, idempotency_key="k1").json["batch"] == first
    assert desk.submit(OTHER, idempotency_key="k1").problem == "idempotency_key_reused"
    desk.now += 1
    second = desk.submit(OTHER, idempotency_key="k1").json["batch"]
    assert second != first
    assert desk.submit(OTHER, idempotency_key="k1").json["batch"] == second


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_is_empty_or_too_long_is_refused(key: str) -> None:
    desk = Desk()
    answer = desk.submit(BATCH, idempotency_key=key)
    assert (answer.status, answer.problem) == (422, "invalid_idempotency_key")
    assert (desk.work(), records(desk)) == ([], [])


def test_a_key_may_have_255_characters_of_any_kind() -> None:
    desk = Desk()
    key = ("../\x00\r\n%\xff" * 40)[:255]
    first = desk.submit(BATCH, idempotency_key=key)
    assert desk.submit(BATCH, idempotency_key=key).json == first.json
    assert first.status == 202


def test_a_refused_call_leaves_nothing_and_may_come_corrected_with_its_key() -> None:
    desk = Desk()
    assert desk.submit({**BATCH, "recipients": []}, idempotency_key="k1").status == 422
    assert (desk.work(), records(desk)) == ([], [])
    assert desk.submit(BATCH, idempotency_key="k1").status == 202


def test_many_at_once_make_one_batch() -> None:
    desk = Desk()

    async def ten() -> list[Any]:
        calls = (
            desk.calling("POST", "/v1/batches", BATCH, idempotency_key="k1") for _ in range(10)
        )
        return await asyncio.gather(*calls)

    answers = desk.do(ten())
    assert [answer.status for answer in answers] == [202] * 10
    assert len({answer.json["batch"] for answer in answers}) == len(batches(desk)) == 1


def test_many_at_once_with_two_bodies_make_one_batch_and_refuse_the_others() -> None:
    desk = Desk()

    async def race() -> list[Any]:
        bodies = [BATCH, OTHER] * 5
        calls = (desk.calling("POST", "/v1/batches", body, idempotency_key="k1") for body in bodies)
        return await asyncio.gather(*calls)

    answers = desk.do(race())
    assert sorted(answer.status for answer in answers) == [202] * 5 + [422] * 5
    assert len(batches(desk)) == 1


def test_a_repeat_after_the_batch_moved_on_is_answered_the_same() -> None:
    desk = Desk()
    first = desk.submit(BATCH, idempotency_key="k1")
    desk.validate()
    before = desk.work()
    assert desk.submit(BATCH, idempotency_key="k1").json == first.json
    assert desk.work() == before


def test_a_repeat_is_answered_the_same_even_if_it_would_be_refused_now() -> None:
    desk = Desk()
    desk.put_template(Template(id="welcome", text="Hello"))
    batch = {
        "sender": BATCH["sender"],
        "recipients": BATCH["recipients"],
        "template_id": "welcome",
        "scheduled_time": "2027-01-15T08:00:30Z",
    }
    first = desk.submit(batch, idempotency_key="k1")
    desk.suppress("ann@sink.example")
    desk.do(desk.store.delete(keys.template("example.org", "welcome")))
    desk.now += 3600
    second = desk.submit(batch, idempotency_key="k1")
    assert (second.status, second.json) == (202, first.json)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("write", [1, 2])
def test_a_call_that_died_at_any_write_is_carried_through_by_its_repeat(
    write: int, when: Any
) -> None:
    desk = Desk(store=MemoryStore())
    faulty = FaultStore(desk.store, die_at=write, when=when)
    desk.core.store = faulty
    with pytest.raises(Died):
        desk.submit(BATCH, idempotency_key="k1")
    assert [op for op, _ in faulty.writes] == ["create"] * write
    desk.core.store = desk.store
    desk.now += 60
    answer = desk.submit(BATCH, idempotency_key="k1")
    assert answer.status == 202
    assert batches(desk) == [keys.submitted(answer.json["batch"])]
    assert len(records(desk)) == 1


def test_a_submit_writes_twice_with_a_key_and_once_without() -> None:
    desk = Desk()
    counting = FaultStore(desk.store)
    desk.core.store = counting
    desk.submit(BATCH)
    assert [op for op, _ in counting.writes] == ["create"]
    desk.submit(BATCH, idempotency_key="k1")
    assert [op for op, _ in counting.writes] == ["create"] * 3
