"""`/v1/backlog` and `/v1/destinations`."""

from typing import Any

import msgspec
import pytest
from dashboard_desk import NOW, Desk
from station import BATCH, Here, run, running_station

from shared import keys
from shared.stage import wake


def call(desk: Desk, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    sent = b"" if body is None else msgspec.json.encode(body)
    headers = {"x_ekiden_admin_token": "an-admin-token"}
    page = desk.do(desk.fetch(method, path, sent, **headers))
    return page.status, msgspec.json.decode(page.response.body) if page.response.body else None


def test_open_work_is_counted_where_it_lies() -> None:
    desk = Desk()
    for n in range(3):
        desk.now = NOW + n
        desk.do(desk.store.put(keys.submitted(f"{n}" * 26), b"12345"))
    status, found = call(desk, "GET", "/v1/backlog")
    assert status == 200
    by_place = {each.pop("place"): each for each in found["places"]}
    assert list(by_place) == [*keys.WORK.values(), "waiting", "failed"]
    expected = {"number": 3, "size_bytes": 15, "oldest": NOW, "more": False, "refused": ""}
    assert by_place["validate"] == expected
    assert by_place["send"] == {
        "number": 0,
        "size_bytes": 0,
        "oldest": 0.0,
        "more": False,
        "refused": "",
    }


def test_counting_ends_where_it_was_told_to() -> None:
    desk = Desk()
    for n in range(1001):
        desk.do(desk.store.put(keys.validated("0" * 26, n), b""))
    told = {
        pages: call(desk, "GET", f"/v1/backlog?pages={pages}")[1]["places"][2] for pages in (1, 2)
    }
    assert (told[1]["number"], told[1]["more"]) == (1000, True)
    assert (told[2]["number"], told[2]["more"]) == (1001, False)


@pytest.mark.parametrize("pages", ["0", "x", "-1", "1001", "1.5"])
def test_a_number_of_pages_that_is_none_is_refused(pages: str) -> None:
    assert call(Desk(), "GET", f"/v1/backlog?pages={pages}")[0] == 422


def test_a_pause_that_cannot_be_read_counts() -> None:
    desk = Desk()
    desk.do(desk.store.put(keys.paused("example.com"), b"{"))
    _, found = call(desk, "GET", "/v1/destinations")
    assert [each["name"] for each in found["paused"]] == ["example.com"]
    assert found["here"] is False


@pytest.mark.parametrize(
    "name", ["a%20b", "%3Cb%3E", "a@b.example", "x" * 400, "192.0.2.1:25", "a:25", "[::1]:25"]
)
def test_what_is_no_name_is_refused(name: str) -> None:
    desk = Desk()
    assert call(desk, "POST", f"/v1/destinations/{name}/pause", {})[0] == 422
    assert call(desk, "POST", f"/v1/destinations/{name}/resume")[0] == 422
    assert desk.keys(keys.PAUSED) == []


@pytest.mark.parametrize(
    ("name", "paused"),
    [
        ("Example.COM", "example.com"),
        ("müller.example", "xn--mller-kva.example"),
        ("mx_1.example", "mx_1.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:DB8:0::1]", "2001:db8::1"),
    ],
)
def test_names_of_all_kinds_are_paused_as_senders_look_for_them(name: str, paused: str) -> None:
    desk = Desk()
    assert call(desk, "POST", f"/v1/destinations/{name}/pause", {"reason": "x"})[0] == 204
    assert desk.keys(keys.PAUSED) == [keys.paused(paused)]


def test_the_sender_obeys_and_its_queue_is_shown() -> None:
    async def story() -> None:
        async with running_station(admin__tokens="t") as here:
            desk = Desk(here.store, here.station.front._admin)
            token = {"x_ekiden_admin_token": "t"}
            paused = await desk.fetch(
                "POST", "/v1/destinations/127.0.0.1/pause", b'{"reason": "maintenance"}', **token
            )
            assert paused.status == 204
            assert here.station.transmitter
            await here.station.transmitter.refresh()
            batch = await here.submit(BATCH)
            await _until_held(here, batch)
            shown = await desk.fetch("GET", "/v1/destinations", **token)
            found = msgspec.json.decode(shown.response.body)
            assert found["here"] is True
            assert [(each["state"], each["why"]) for each in found["queues"]] == [
                ("paused", "maintenance")
            ]
            assert here.sink.received == []

    run(story)


async def _until_held(here: Here, batch: str) -> None:
    await here.idle()
    (delivery,) = await here.deliveries(batch)
    assert delivery["last"]["reason"] == "held", wake
