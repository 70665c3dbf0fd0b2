"""Failed work over HTTP: what is unreadable, and what lies in its way."""

import base64
import time

import pytest
from admin_desk import AdminDesk

from shared import failures, keys
from shared.errors import Malformed, NotFound
from shared.stage import fail

WORK = keys.validated("01hf7yat00abcdefghjkmnpqrs", 0)


def id_of(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def test_what_is_unreadable_is_listed_and_can_only_be_discarded() -> None:
    desk = AdminDesk()
    desk.do(desk.store.put("failed/submit/note.txt", b"a note"))
    (shown,) = desk.call("GET", "/v1/failed").json["failed"]
    one = f"/v1/failed/{shown['id']}"
    assert (shown["cause"], shown["stage"], shown["key"]) == ("Unreadable", "submit", "")
    assert desk.call("GET", one).status == 200
    assert desk.call("POST", f"{one}/replay").status == 422
    assert desk.call("DELETE", one).status == 204
    assert desk.call("GET", "/v1/failed").json["failed"] == []


def test_a_failure_is_kept_where_other_work_lies_at_its_place() -> None:
    desk = AdminDesk()
    desk.do(fail("dispatch", desk.store, time.time, WORK, b"one", Malformed("torn"), 1))
    desk.do(desk.store.put(WORK, b"another"))
    one = f"/v1/failed/{id_of(keys.failed('dispatch', WORK))}"
    answer = desk.call("POST", f"{one}/replay")
    assert (answer.status, answer.json["type"]) == (409, "urn:ekiden:problem:exists")
    assert desk.call("GET", one).status == 200
    assert desk.do(desk.store.get(WORK)).body == b"another"


def test_an_upload_with_a_long_name_is_replayed_by_its_id() -> None:
    desk = AdminDesk()
    upload = keys.inbox("a" * 60 + ".example", "d/" * 50 + "n" * 255)
    desk.do(desk.store.put(upload, b"{"))
    desk.do(fail("submit", desk.store, time.time, upload, b"{", Malformed("torn"), 1))
    (shown,) = desk.call("GET", "/v1/failed").json["failed"]
    assert desk.call("POST", f"/v1/failed/{shown['id']}/replay").status == 202
    assert [each.key for each in desk.woken] == [shown["key"]]


def test_a_page_of_what_few_fit_is_bounded_and_says_from_where_to_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(failures, "MOST_LOOKED_AT", 16)
    desk = AdminDesk()
    for n in range(50):
        cause: Exception = Malformed("torn") if n != 40 else NotFound("gone")
        work = keys.validated(f"01hf7yat00abcdefghjkmnp{n:03d}", 0)
        desk.do(fail("dispatch", desk.store, time.time, work, b"x", cause, 1))
    found, pages, after = [], 0, ""
    while pages == 0 or after:
        page = desk.call("GET", f"/v1/failed?cause=NotFound&limit=10&after={after}").json
        found += page["failed"]
        after, pages = page["next"], pages + 1
    assert ([each["cause"] for each in found], pages) == (["NotFound"], 4)


def test_pages_have_each_failure_once_and_the_last_one_says_so() -> None:
    desk = AdminDesk()
    works = [keys.validated(f"01hf7yat00abcdefghjkmnp{n:03d}", 0) for n in range(30)]
    for work in works:
        desk.do(fail("dispatch", desk.store, time.time, work, b"x", Malformed("torn"), 1))
    found, after, sizes = [], "", []
    while not sizes or after:
        page = desk.call("GET", f"/v1/failed?limit=10&after={after}").json
        found += [each["key"] for each in page["failed"]]
        sizes.append(len(page["failed"]))
        after = page["next"]
    assert (found, sizes) == (works, [10, 10, 10])
