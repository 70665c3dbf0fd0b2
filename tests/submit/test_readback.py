"""Reading back what became of a Batch: its progress, its Deliveries page by page, one's history."""

from typing import Any

import pytest
from desk import BATCH, DOMAIN, Desk
from station import Here, run, running_station

from shared.outcome import State

ADDRESSES = [f"r{n}@{host}.example" for host in ("one", "two") for n in range(4)]
EIGHT = {**BATCH, "recipients": [{"email": each, "fields": {"name": "x"}} for each in ADDRESSES]}
LATER = {"scheduled_time": "2027-01-16T08:00:00Z"}


def pages(desk: Desk, batch: str, limit: int, query: str = "") -> list[list[dict[str, Any]]]:
    """Follow `next` to the end."""
    found: list[list[dict[str, Any]]] = []
    after = ""
    while True:
        path = f"/v1/batches/{batch}/deliveries?limit={limit}&after={after}{query}"
        answer = desk.call("GET", path)
        assert answer.status == 200, answer.json
        found.append(answer.json["deliveries"])
        after = answer.json["next"]
        if not after:
            return found


# Before anybody has tried to transmit anything.


def test_a_batch_that_was_just_accepted_has_all_its_deliveries_queued() -> None:
    desk = Desk()
    batch = desk.submit({**EIGHT, "tags": ["t"], "metadata": {"a": "b"}}).json["batch"]
    seen = desk.call("GET", f"/v1/batches/{batch}").json
    assert (seen["state"], seen["done"], seen["outcomes"]) == ("accepted", False, {"queued": 8})
    assert (seen["accepted"], seen["rejected"]) == (8, 0)
    assert (seen["tags"], seen["metadata"]) == (["t"], {"a": "b"})
    assert (seen["sender"], seen["subject"]) == (f"news@{DOMAIN}", "Hello {{ name }}")


def test_a_batch_remembers_whom_it_refused() -> None:
    desk = Desk()
    rows = [*EIGHT["recipients"], {"email": "nobody"}]  # type: ignore[misc]
    batch = desk.submit({**EIGHT, "recipients": rows}).json["batch"]
    desk.validate()
    seen = desk.call("GET", f"/v1/batches/{batch}").json
    assert seen["rejected_recipients"] == [{"email": "nobody", "reason": "invalid_email"}]


def test_deliveries_are_known_once_the_batch_is_cut_into_bags() -> None:
    desk = Desk()
    batch = desk.submit(EIGHT).json["batch"]
    assert pages(desk, batch, 100) == [[]]
    desk.validate(bag_size=3)
    (page,) = pages(desk, batch, 100)
    assert {each["state"] for each in page} == {"queued"}
    assert [each["recipient"] for each in page] == ADDRESSES
    assert [each["delivery"] for each in page] == [
        f"{batch}.{bag:04d}.{n:04d}" for bag in range(3) for n in range(3)
    ][:8]
    assert page[7]["message_id"] == f"<{page[7]['delivery']}@{DOMAIN}>"


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 7, 1000])
def test_pages_of_any_size_give_every_delivery_once(limit: int) -> None:
    desk = Desk()
    batch = desk.submit(EIGHT).json["batch"]
    desk.validate(bag_size=3)
    found = pages(desk, batch, limit)
    assert [each["recipient"] for page in found for each in page] == ADDRESSES
    assert all(len(page) <= limit for page in found)


def test_a_scheduled_batch_says_so_and_lists_its_deliveries() -> None:
    desk = Desk()
    batch = desk.submit({**EIGHT, **LATER}).json["batch"]
    assert desk.call("GET", f"/v1/batches/{batch}").json["state"] == "scheduled"
    desk.validate(bag_size=3)
    assert all(key.startswith(("waiting/", "batches/", "archive/")) for key in desk.work())
    assert desk.call("GET", f"/v1/batches/{batch}").json["state"] == "scheduled"
    assert [each["recipient"] for each in pages(desk, batch, 100)[0]] == ADDRESSES


def test_one_queued_delivery_has_an_empty_history() -> None:
    desk = Desk()
    batch = desk.submit(EIGHT).json["batch"]
    desk.validate(bag_size=3)
    seen = desk.call("GET", f"/v1/deliveries/{batch}.0001.0002").json
    assert (seen["recipient"], seen["state"], seen["outcomes"]) == (ADDRESSES[5], "queued", [])


# Refusals.


@pytest.mark.parametrize("batch", ["x", "0" * 26, "0" * 25, "..", "A" * 26, "%00", "é"])
@pytest.mark.parametrize("path", ["", "/deliveries"])
def test_an_unknown_batch_is_404(batch: str, path: str) -> None:
    answer = Desk().call("GET", f"/v1/batches/{batch}{path}")
    assert (answer.status, answer.problem) == (404, "unknown_batch")


def test_an_unknown_delivery_is_404() -> None:
    desk = Desk()
    batch = desk.submit(EIGHT).json["batch"]
    desk.validate(bag_size=3)
    for wrong in ("x", batch, f"{batch}.0000.0003", f"{batch}.0009.0000", f"{batch}.٠٠٠٠.٠٠٠٠"):
        answer = desk.call("GET", f"/v1/deliveries/{wrong}")
        assert (answer.status, answer.problem) == (404, "unknown_delivery")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=x",
        "limit=²",
        "limit=" + "9" * 5000,
        "after=x",
        "after=" + "0" * 26 + ".0000.0000",
        "outcome=lost",
        "outcome=DELIVERED",
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(query: str) -> None:
    desk = Desk()
    batch = desk.submit(EIGHT).json["batch"]
    answer = desk.call("GET", f"/v1/batches/{batch}/deliveries?{query}")
    assert (answer.status, answer.problem) == (422, "invalid_parameter")
    assert query.partition("=")[0] in answer.json["detail"]


# Tags.


def test_batches_are_found_by_their_tags_oldest_first() -> None:
    desk = Desk()
    tagged = [
        desk.submit({**BATCH, "tags": ["spring sale/2027", "é"]}).json["batch"] for _ in range(3)
    ]
    desk.submit({**BATCH, "tags": ["other"]})
    desk.validate()
    assert desk.call("GET", "/v1/batches?tag=%C3%A9").json["batches"] == tagged
    first = desk.call("GET", "/v1/batches?tag=spring%20sale%2F2027&limit=2").json
    assert (first["batches"], first["next"]) == (tagged[:2], tagged[1])
    rest = desk.call("GET", f"/v1/batches?tag=spring%20sale%2F2027&after={first['next']}").json
    assert (rest["batches"], rest["next"]) == (tagged[2:], "")


def test_a_tag_that_is_the_beginning_of_another_is_not_it() -> None:
    desk = Desk()
    desk.submit({**BATCH, "tags": ["springtime"]})
    desk.validate()
    assert desk.call("GET", "/v1/batches?tag=spring").json["batches"] == []


@pytest.mark.parametrize(
    "query", ["", "tag=", "tag=x&limit=0", "tag=x&after=../x", "tag=x&after=x"]
)
def test_a_search_that_cannot_be_done_is_refused(query: str) -> None:
    answer = Desk().call("GET", f"/v1/batches?{query}")
    assert (answer.status, answer.problem) == (422, "invalid_parameter")


@pytest.mark.parametrize("tag", ["..", "%00", "x" * 81])
def test_a_search_for_what_is_no_tag_is_refused(tag: str) -> None:
    answer = Desk().call("GET", f"/v1/batches?tag={tag}")
    assert (answer.status, answer.problem) == (422, "invalid_tag")


# After the servers have answered.

REFUSED = {"r1@one.example": "550 5.1.1 no such user", "r2@two.example": "450 4.2.0 greylisted"}


def refuse(recipient: str, _tries: int) -> str | None:
    return REFUSED.get(recipient)


async def settled(here: Here) -> str:
    batch = await here.submit(EIGHT)
    await here.idle()
    return batch


def test_outcomes_are_counted_listed_and_filtered() -> None:
    async def story() -> None:
        async with running_station(refuse=refuse, validate__bag_size="3") as here:
            batch = await settled(here)
            seen = (await here.call("GET", f"/v1/batches/{batch}")).json
            assert seen["outcomes"] == {"delivered": 6, "deferred": 1, "bounced": 1}
            assert (seen["state"], seen["done"]) == ("sending", False)

            everyone = await here.deliveries(batch)
            assert [each["recipient"] for each in everyone] == ADDRESSES
            for state in State:
                path = f"/v1/batches/{batch}/deliveries?outcome={state}&limit=2"
                page = (await here.call("GET", path)).json["deliveries"]
                assert page == [each for each in everyone if each["state"] == state][:2]

            bounced = next(each for each in everyone if each["state"] == "bounced")
            assert (bounced["last"]["code"], bounced["last"]["enhanced"]) == (550, "5.1.1")
            history = (await here.call("GET", f"/v1/deliveries/{bounced['delivery']}")).json
            assert history["outcomes"] == [bounced["last"]]

    run(story)


def test_pages_with_a_filter_run_over_all_bags() -> None:
    async def story() -> None:
        async with running_station(refuse=refuse, validate__bag_size="3") as here:
            batch = await settled(here)
            found: list[str] = []
            after = ""
            while True:
                path = f"/v1/batches/{batch}/deliveries?outcome=delivered&limit=2&after={after}"
                page = (await here.call("GET", path)).json
                found += [each["recipient"] for each in page["deliveries"]]
                after = page["next"]
                if not after:
                    break
            assert found == [each for each in ADDRESSES if each not in REFUSED]

    run(story)
