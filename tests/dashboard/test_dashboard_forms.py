"""Forms: only those of this session change anything, and what they change is on record."""

from typing import Any

import msgspec
import pytest
from dashboard_desk import TOKEN, Desk
from station import DOMAIN

from functions.admin.dashboard import session
from functions.admin.resources import failed
from shared import keys, stage
from shared.errors import Malformed
from shared.stage import Failure

NOW = 1_800_000_000.0


@pytest.fixture
def desk() -> Desk:
    desk = Desk(audit__enabled="on")
    desk.log_in("Anna")
    return desk


def failed_id(key: str) -> str:
    from functions.admin.resources.failed import _shown

    failure = msgspec.json.decode(_failure(key), type=Failure)
    return _shown(keys.failed("submit", key), failure).id


def _failure(key: str) -> bytes:
    return msgspec.json.encode(
        Failure(
            stage="submit",
            key=key,
            cause="Malformed",
            message="it is broken",
            last_line="",
            at=NOW,
            tries=1,
            body=b"{}",
        )
    )


def fail(desk: Desk, name: str) -> str:
    """Put failed work there; return its id."""
    key = keys.inbox(DOMAIN, name)
    desk.do(desk.store.put(keys.failed("submit", key), _failure(key)))
    return failed_id(key)


def forms(desk: Desk) -> list[str]:
    """Where forms are sent, with a Domain in its place."""
    paths = [page.path for _, page in desk.site._pages if page.method == "POST"]
    return ["/dashboard" + path.replace("{domain}", DOMAIN) for path in [*paths, "/logout"]]


def other_token() -> str:
    return session.begin(TOKEN, "Anna", b"another session.", NOW).form_token


@pytest.mark.parametrize("csrf", ["", "wrong", "é", other_token()])
def test_a_form_without_its_token_changes_nothing(desk: Desk, csrf: str) -> None:
    fields = {"name": "example.com", "address": "a@b.example", "id": [fail(desk, "a.json")]}
    before = desk.everything()
    for path in forms(desk):
        answer = desk.post(path, {**fields, "do": "replay", "sure": "yes", "csrf": csrf})
        assert answer.status == 403, path
    assert desk.everything() == before
    assert desk.get("/dashboard").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "cross-site", "origin": "null"},
    ],
)
def test_a_form_of_another_site_changes_nothing(desk: Desk, headers: dict[str, str]) -> None:
    before, token = desk.everything(), desk.form_token
    for path in forms(desk):
        answer = desk.post(path, {"csrf": token, "name": "example.com"}, **headers)
        assert answer.status == 403, path
    assert desk.everything() == before


def test_an_old_browser_says_where_a_form_comes_from_by_its_origin(desk: Desk) -> None:
    async def sent(origin: str) -> int:
        body = f"csrf={token}&name=example.com".encode()
        kind = "application/x-www-form-urlencoded"
        path = "/dashboard/queue/pause"
        given = {"content_type": kind, "host": "ekiden.example", "origin": origin}
        return (await desk.fetch("POST", path, body, **given)).status

    token = desk.form_token
    assert desk.do(sent("https://evil.example")) == 403
    assert desk.do(sent("https://ekiden.example")) == 303


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"csrf": "x"}', "application/json", 415),
        (b"csrf=x", "text/plain", 415),
        (b"csrf=%ff", "application/x-www-form-urlencoded", 400),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"a=b&" * 6000, "application/x-www-form-urlencoded", 400),
        (b"", "application/x-www-form-urlencoded", 403),
    ],
)
def test_what_is_no_form_is_refused(desk: Desk, body: bytes, kind: str, status: int) -> None:
    answer = desk.do(desk.fetch("POST", "/dashboard/queue/pause", body, content_type=kind))
    assert answer.status == status
    assert desk.keys(keys.PAUSED) == []


def test_a_destination_is_paused_and_resumed(desk: Desk) -> None:
    answer = desk.send("/dashboard/queue/pause", name="Example.COM.", reason="they asked")
    assert answer.headers["location"] == "/dashboard/queue?said=paused"
    page = desk.get("/dashboard/queue")
    assert "they asked" in page.text
    assert "example.com is paused" in desk.get("/dashboard").text
    desk.send("/dashboard/queue/resume", name="example.com")
    assert desk.keys(keys.PAUSED) == []


@pytest.mark.parametrize(
    "name",
    ["", "  ", "a b", "../x", "<b>", "x" * 300, "a@b.example", "192.0.2.1:25", "mx.example:25"],
)
def test_what_is_no_destination_cannot_be_paused(desk: Desk, name: str) -> None:
    answer = desk.send("/dashboard/queue/pause", name=name)
    assert answer.status in (404, 422)
    assert desk.keys(keys.PAUSED) == []


def test_work_is_replayed_many_at_once(desk: Desk) -> None:
    ids = [fail(desk, f"{n}.json") for n in range(25)]
    answer = desk.send("/dashboard/failed", id=ids, do="replay")
    assert answer.headers["location"] == "/dashboard/failed?said=replayed&n=25"
    assert len(desk.keys("inbox/")) == len(desk.woken) == 25
    assert desk.keys("failed/") == []


def test_work_that_somebody_else_replayed_first_is_no_fault(desk: Desk) -> None:
    ids = [fail(desk, "a.json"), failed_id(keys.inbox(DOMAIN, "gone.json"))]
    answer = desk.send("/dashboard/failed", id=ids, do="replay")
    assert answer.headers["location"] == "/dashboard/failed?said=gone&n=1"


def test_work_that_cannot_be_put_back_stops_no_other(desk: Desk) -> None:
    """The first is no failure that can be read; another's place is taken."""
    desk.do(desk.store.put("failed/submit/a-note.txt", b"a note"))
    work = keys.validated("0" * 26, 0)
    desk.do(stage.fail("dispatch", desk.store, lambda: NOW, work, b"one", Malformed("torn"), 1))
    desk.do(desk.store.put(work, b"another"))
    stuck = {"failed/submit/a-note.txt", keys.failed("dispatch", work)}
    ids = [failed._id(key) for key in sorted(stuck)] + [fail(desk, f"{n}.json") for n in range(15)]
    answer = desk.send("/dashboard/failed", id=ids, do="replay")
    assert answer.headers["location"] == "/dashboard/failed?said=partly&n=15"
    assert set(desk.keys("failed/")) == stuck
    assert "try one alone to see why" in desk.get(answer.headers["location"]).text
    alone = desk.send("/dashboard/failed", id=ids[1], do="replay")
    assert (alone.status, "no failure that can be read" in alone.text) == (422, True)


def test_no_form_leads_to_a_place_that_is_no_header(desk: Desk) -> None:
    for name in ("x\r\nX-Evil: 1", "x€"):
        answer = desk.send(
            f"/dashboard/domains/{name}/suppressions", do="remove", address="a@b.example"
        )
        assert "evil" not in str(list(answer.headers)).lower()
        assert answer.headers.get("location", "").isascii()
        assert answer.headers.get("location", "").isprintable()


def test_to_discard_is_asked_for_twice(desk: Desk) -> None:
    ids = [fail(desk, "a.json"), fail(desk, "b.json")]
    asked = desk.send("/dashboard/failed", id=ids, do="discard")
    assert "Discard 2 pieces of work?" in asked.text
    assert len(desk.keys("failed/")) == 2
    desk.send("/dashboard/failed", id=ids, do="discard", sure="yes")
    assert desk.keys("failed/") == desk.keys("inbox/") == []


@pytest.mark.parametrize(
    "fields",
    [
        {"do": "replay"},
        {"do": "", "id": "x"},
        {"do": "drop", "id": "x"},
        {"do": "replay", "id": "../x"},
    ],
)
def test_a_choice_that_makes_no_sense_does_nothing(desk: Desk, fields: dict[str, Any]) -> None:
    fail(desk, "a.json")
    answer = desk.send("/dashboard/failed", **fields)
    assert answer.status in (303, 422)
    assert len(desk.keys("failed/")) == 1


def test_an_address_is_suppressed_found_and_removed(desk: Desk) -> None:
    place = f"/dashboard/domains/{DOMAIN}/suppressions"
    desk.send(place, address="Ann@Sink.example", do="add")
    assert "Ann@sink.example" in desk.get(place).text
    assert "manual" in desk.get(f"{place}?address=ann@sink.example").text
    assert "None fits" in desk.get(f"{place}?address=bob@sink.example").text
    desk.send(place, address="ann@sink.example", do="remove")
    assert "There are none" in desk.get(place).text


def test_a_domain_is_added_and_its_records_are_shown(desk: Desk) -> None:
    answer = desk.send("/dashboard/domains", name="new.example")
    assert answer.headers["location"] == "/dashboard/domains/new.example?said=added"
    page = desk.get(answer.headers["location"])
    assert "ekiden1._domainkey.new.example" in page.text
    assert desk.send("/dashboard/domains", name="new.example").status == 409
    assert desk.send("/dashboard/domains", name="no domain").status == 422


def test_what_an_operator_does_is_on_record_as_a_call_of_the_api(desk: Desk) -> None:
    desk.send("/dashboard/queue/pause", name="example.com")
    records = [
        msgspec.json.decode(desk.do(desk.store.get(key)).body) for key in desk.keys("audit/")
    ]
    done = [each for each in records if each["path"] == "/v1/destinations/example.com/pause"]
    assert [(each["who"], each["attribution"]) for each in done] == [("operator", "Anna")]


def test_what_was_refused_is_on_record(desk: Desk) -> None:
    desk.post("/dashboard/queue/pause", {"csrf": "wrong", "name": "example.com"})
    records = [
        msgspec.json.decode(desk.do(desk.store.get(key)).body) for key in desk.keys("audit/")
    ]
    refused = [each for each in records if not each["allowed"]]
    assert [(each["path"], each["why"]) for each in refused] == [
        ("/dashboard/queue/pause", "forbidden")
    ]


def test_a_notice_shows_no_text_of_a_stranger(desk: Desk) -> None:
    for query in ("said=<b>x</b>", "said=replayed&n=<b>", "said=replayed&n=" + "9" * 5):
        page = desk.get(f"/dashboard/failed?{query}")
        assert page.status == 200
        assert "<b>" not in page.html
