"""validate: checks the Recipients of a submitted Batch once more, and cuts it into Bags."""

import asyncio
import json
from random import Random
from typing import Any

import pytest
from desk import BATCH, DOMAIN, Desk

from functions.validate import stage as validate
from shared import keys
from shared.domains import Directory
from shared.stage import Wake, run
from shared.store.wrap import Died, FaultStore
from shared.suppressions import Suppressions

PLAIN = {**BATCH, "subject": "Hello", "text": "Hello"}


def batch_of(*addresses: str, **more: Any) -> dict[str, Any]:
    return {**PLAIN, "recipients": [{"email": each} for each in addresses], **more}


def bags(desk: Desk, prefix: str = "validated/") -> list[Any]:
    return [desk.get(key) for key in desk.keys(prefix)]


def addresses(bag: Any) -> list[str]:
    return [row["email"] for row in bag["rows"]]


def test_a_batch_is_cut_into_bags_and_its_content_is_kept_apart() -> None:
    desk = Desk()
    batch = desk.submit(batch_of(*(f"r{n}@sink.example" for n in range(7)))).json["batch"]
    desk.validate(bag_size=3)
    assert desk.work() == [
        keys.archived(keys.submitted(batch)),
        keys.content(batch),
        *(keys.validated(batch, bag) for bag in range(3)),
    ]
    assert [len(bag["rows"]) for bag in bags(desk)] == [3, 3, 1]
    assert [row["n"] for row in bags(desk)[1]["rows"]] == [0, 1, 2]
    assert desk.get(keys.content(batch))["bag_size"] == 3


def test_recipients_of_one_domain_travel_together() -> None:
    desk = Desk()
    desk.submit(batch_of("a@two.example", "b@one.example", "c@TWO.example", "d@one.example"))
    desk.validate()
    (bag,) = bags(desk)
    assert addresses(bag) == ["b@one.example", "d@one.example", "a@two.example", "c@two.example"]


def test_both_spellings_of_an_international_domain_are_one_domain() -> None:
    desk = Desk()
    desk.submit(batch_of("a@bücher.example", "b@other.example", "c@xn--bcher-kva.example"))
    desk.validate()
    (bag,) = bags(desk)
    assert addresses(bag)[1:] == ["a@xn--bcher-kva.example", "c@xn--bcher-kva.example"]


def test_fields_pass_through_untouched() -> None:
    desk = Desk()
    fields = {"name": "Ann \u2028", "deep": [{"x": 1.5e300}, None, True], "big": 2**70}
    desk.submit({**PLAIN, "recipients": [{"email": "a@b.example", "fields": fields}]})
    desk.validate()
    assert bags(desk)[0]["rows"][0]["fields"] == fields


def test_an_address_suppressed_since_submit_is_marked_and_keeps_its_place() -> None:
    desk = Desk()
    desk.submit(batch_of("a@b.example", "gone@b.example", "c@b.example"))
    desk.suppress("GONE@b.example")
    desk.now += 11  # processes remember the list for a few seconds
    desk.validate()
    rows = bags(desk)[0]["rows"]
    assert [row.get("rejected", "") for row in rows] == ["", "suppressed", ""]
    assert [row["n"] for row in rows] == [0, 1, 2]


def test_tags_become_an_index() -> None:
    desk = Desk()
    batch = desk.submit({**PLAIN, "tags": ["spring sale", "b/c", "spring sale"]}).json["batch"]
    desk.validate()
    assert desk.keys(f"domains/{DOMAIN}/tags/") == [
        keys.tagged(DOMAIN, "b/c", batch),
        keys.tagged(DOMAIN, "spring sale", batch),
    ]


def test_a_scheduled_batch_waits_in_bags() -> None:
    desk = Desk()
    later = {"scheduled_time": "2027-01-15T09:00:00.5Z"}
    batch = desk.submit(batch_of("a@b.example", "c@b.example", **later)).json["batch"]
    desk.validate(bag_size=1)
    assert desk.keys("waiting/") == [
        f"waiting/20270115T090001Z/dispatch/{batch}/000{bag}.json" for bag in range(2)
    ]
    assert desk.keys("validated/") == []


def test_a_batch_whose_time_came_before_validate_does_not_wait() -> None:
    desk = Desk()
    desk.submit(batch_of("a@b.example", scheduled_time="2027-01-15T08:00:10Z"))
    desk.now += 10
    desk.validate()
    assert len(bags(desk)) == 1


def test_a_scheduled_batch_cancelled_before_validate_does_not_wait_for_its_time() -> None:
    desk = Desk()
    later = {"scheduled_time": "2027-01-16T08:00:00Z"}
    batch = desk.submit(batch_of("a@b.example", **later)).json["batch"]
    assert desk.call("POST", f"/v1/batches/{batch}/cancel").json["state"] == "cancelled"
    desk.validate()
    assert (desk.keys("waiting/"), len(bags(desk))) == ([], 1)


# A Batch that somebody put there by hand.


def test_recipients_that_submit_never_saw_are_checked() -> None:
    desk = Desk()
    batch = desk.submit(batch_of("a@b.example")).json["batch"]
    key = keys.submitted(batch)
    rows = [{"email": each} for each in ("a@b.example", "A@B.example", "nobody", "c@\r\nd.example")]
    desk.do(desk.store.put(key, json.dumps({**desk.get(key), "recipients": rows}).encode()))
    desk.validate()
    reasons = {row["email"]: row.get("rejected", "") for row in bags(desk)[0]["rows"]}
    assert reasons == {
        "a@b.example": "",
        "A@b.example": "duplicate",
        "nobody": "invalid_email",
        "c@\r\nd.example": "invalid_email",
    }


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"\xff", b"\x28\xb5\x2f\xfd not zstd", b'{"content": {}, "recipients": []}'],
)
def test_what_is_no_batch_goes_to_failed_whole(body: bytes) -> None:
    desk = Desk()
    key = keys.submitted("0" * 26)
    desk.do(desk.store.put(key, body))
    desk.validate()
    assert desk.work() == [keys.failed("validate", key)]
    failure = desk.get(keys.failed("validate", key))
    assert failure["key"] == key
    assert failure["message"]


def test_a_recipient_that_cannot_be_read_fails_the_batch_and_no_other() -> None:
    desk = Desk()
    bad = desk.submit(batch_of("a@b.example")).json["batch"]
    desk.submit(batch_of("c@d.example"))
    key = keys.submitted(bad)
    rows = {**desk.get(key), "recipients": [{"fields": {}}]}
    desk.do(desk.store.put(key, json.dumps(rows).encode()))
    desk.validate()
    assert desk.keys("failed/") == [keys.failed("validate", key)]
    assert [addresses(bag) for bag in bags(desk)] == [["c@d.example"]]


# Dying, twice, at once.


def left_after(desk: Desk) -> dict[str, bytes]:
    """All that there is, but for keys and secrets, which differ between two Desks."""
    present = [*desk.work(), *desk.keys(f"domains/{DOMAIN}/tags/")]
    return {key: desk.do(desk.store.get(key)).body for key in present}


def prepared() -> Desk:
    desk = Desk()
    desk.submit(batch_of(*(f"r{n}@sink.example" for n in range(5)), tags=["t"]))
    return desk


def run_validate(desk: Desk, store: Any) -> None:
    checked = Suppressions(store, Directory(store, lambda: desk.now))
    stage = validate.stage(store, lambda: desk.now, checked, 2)
    for key in desk.keys(keys.SUBMITTED):
        desk.do(run(stage, store, lambda: desk.now, Wake(key)))


def unfinished(write: int, when: Any) -> Desk:
    """A Desk whose validate has died at this write."""
    desk = prepared()
    with pytest.raises(Died):
        run_validate(desk, FaultStore(desk.store, die_at=write, when=when))
    return desk


@pytest.mark.parametrize("when", ["before", "after"])
def test_dying_at_any_write_leaves_nothing_but_a_repeat_to_do(when: Any) -> None:
    whole = prepared()
    counting = FaultStore(whole.store)
    run_validate(whole, counting)
    expected = left_after(whole)
    assert len(counting.writes) == 7  # archive, tag, content, three Bags, the work object's end
    for write in range(1, len(counting.writes) + 1):
        desk = unfinished(write, when)
        run_validate(desk, desk.store)
        assert left_after(desk) == expected


def test_two_at_once_do_the_work_of_one() -> None:
    whole, desk = prepared(), prepared()
    run_validate(whole, whole.store)
    checked = Suppressions(desk.store, Directory(desk.store, lambda: desk.now))
    stage = validate.stage(desk.store, lambda: desk.now, checked, 2)
    (key,) = desk.keys(keys.SUBMITTED)

    async def both() -> None:
        await asyncio.gather(
            *(run(stage, desk.store, lambda: desk.now, Wake(key)) for _ in range(2))
        )

    desk.do(both())
    assert left_after(desk) == left_after(whole)


def test_cutting_is_stable_whatever_the_order_of_runs() -> None:
    seed = 20270115
    print(f"seed {seed}")
    rng = Random(seed)
    rows = [f"r{n}@{rng.choice('abcdef')}.example" for n in range(200)]
    first, second = Desk(), Desk()
    for desk in (first, second):
        desk.submit(batch_of(*rows))
        desk.validate(bag_size=7)
    assert bags(first) == bags(second)
    assert sorted(each for bag in bags(first) for each in addresses(bag)) == sorted(rows)
