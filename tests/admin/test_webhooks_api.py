"""Webhooks by the operator API: made, changed, rotated, tried, told again."""

import asyncio
from typing import Any

import msgspec
import pytest
from admin_desk import NOW, OTHER, AdminDesk
from station import DOMAIN

from shared import keys, webhook_log
from shared.notifying import Call
from shared.stage import Failure
from shared.webhook_log import WebhookAttempt
from shared.webhooks import EVENTS

EVERY = f"/v1/domains/{DOMAIN}/webhooks"
URL = "https://hooks.example/ekiden"


@pytest.fixture
def desk() -> AdminDesk:
    return AdminDesk()


def made(desk: AdminDesk, **wanted: Any) -> Any:
    answer = desk.call("POST", EVERY, {"url": URL, **wanted})
    assert answer.status == 201, answer.json
    return answer.json


def test_a_webhook_is_made_and_its_secret_shown_once(desk: AdminDesk) -> None:
    shown = made(desk)
    assert shown["secret"].startswith("whsec_")
    assert (shown["url"], shown["events"], shown["active"]) == (URL, list(EVENTS), True)
    (listed,) = desk.call("GET", EVERY).json["webhooks"]
    assert listed == {**shown, "secret": ""}
    assert desk.call("GET", f"{EVERY}/{shown['id']}").json == listed
    assert desk.get(keys.domain_record(DOMAIN))["webhooks"] == {shown["id"]: list(EVENTS)}


def test_an_apps_admin_key_does_it_too(desk: AdminDesk) -> None:
    answer = desk.as_domain("POST", EVERY, {"url": URL})
    assert answer.status == 201
    assert desk.as_domain("GET", EVERY, scopes=("read",)).status == 403


@pytest.mark.parametrize(
    "wrong",
    [
        *({"url": "http://hooks.example/"}, {"url": "https://127.0.0.1/"}, {"url": ""}),
        *({"url": "https://169.254.169.254/latest"}, {"url": "https://a@b.example/"}),
        *({"events": []}, {"events": ["queued"]}, {"per_post": 0}, {"per_post": 501}),
        *({"tag": "x" * 101}, {"colour": "red"}, {"url": 1}),
    ],
)
def test_what_cannot_be_one_is_refused(desk: AdminDesk, wrong: dict[str, Any]) -> None:
    assert desk.call("POST", EVERY, {"url": URL, **wrong}).status == 422
    assert desk.call("GET", EVERY).json == {"webhooks": []}


def test_a_body_that_is_no_json_is_refused(desk: AdminDesk) -> None:
    assert desk.call("POST", EVERY, b"{").problem == "malformed_json"
    assert desk.call("POST", EVERY, b"").problem == "malformed_json"


def test_a_domain_has_a_bounded_number(desk: AdminDesk) -> None:
    for _ in range(20):
        made(desk)
    assert desk.call("POST", EVERY, {"url": URL}).status == 422


def test_a_webhook_is_changed(desk: AdminDesk) -> None:
    one = f"{EVERY}/{made(desk)['id']}"
    answer = desk.call("PATCH", one, {"events": ["opened", "bounced"], "per_post": 50})
    assert (answer.json["events"], answer.json["per_post"]) == (["bounced", "opened"], 50)
    assert list(desk.get(keys.domain_record(DOMAIN))["webhooks"].values()) == [
        ["bounced", "opened"]
    ]
    assert desk.call("PATCH", one, {"active": False}).json["active"] is False
    assert list(desk.get(keys.domain_record(DOMAIN))["webhooks"].values()) == [[]]
    assert desk.call("PATCH", one, {"url": "http://x.example"}).status == 422


def test_a_webhook_is_removed(desk: AdminDesk) -> None:
    one = f"{EVERY}/{made(desk)['id']}"
    assert desk.call("DELETE", one).status == 204
    assert desk.call("GET", one).status == desk.call("DELETE", one).status == 404
    assert desk.keys(f"domains/{DOMAIN}/webhooks/") == []


def test_a_secret_is_rotated_with_an_overlap(desk: AdminDesk) -> None:
    first = made(desk)
    one = f"{EVERY}/{first['id']}"
    second = desk.call("POST", f"{one}/rotate").json
    assert second["secret"] not in ("", first["secret"])
    assert second["secrets"] == 2
    desk.now += 86_400 + 1
    assert desk.call("GET", one).json["secrets"] == 1
    for _ in range(9):
        shown = desk.call("POST", f"{one}/rotate").json
    assert shown["secrets"] == 4, "an old one must not live as long as people rotate"


def test_a_test_event_is_work_for_notify(desk: AdminDesk) -> None:
    one = f"{EVERY}/{made(desk)['id']}"
    answer = desk.call("POST", f"{one}/test")
    assert answer.status == 202
    assert [each.key for each in desk.woken] == answer.json["keys"] == desk.keys(keys.NOTIFYING)


@pytest.mark.parametrize("action", ["test", "rotate", "replay", "attempts", ""])
def test_what_is_not_there_is_said(desk: AdminDesk, action: str) -> None:
    other = desk.call("POST", f"/v1/domains/{OTHER}/webhooks", {"url": URL}).json["id"]
    method = "GET" if action in ("attempts", "") else "POST"
    for name in ("wh_000000000000", other):
        path = f"{EVERY}/{name}/{action}".rstrip("/")
        answer = desk.call(method, path, b"{}")
        assert (answer.status, answer.problem) == (404, "not_found")
    assert desk.call("GET", "/v1/domains/nobody.example/webhooks").status == 404


def logged(desk: AdminDesk, name: str, at: float, *ids: str, status: int = 204) -> None:
    source = keys.outcomes_of_attempt("b" * 26, 0, 0)
    lines = [WebhookAttempt(id=each, at=at, source=source, status=status) for each in ids]
    asyncio.run(webhook_log.write(desk.store, DOMAIN, name, f"n{at}", lines))


def test_the_log_is_read_page_by_page_the_latest_first(desk: AdminDesk) -> None:
    name = made(desk)["id"]
    for number in range(5):
        logged(desk, name, NOW + number, f"a{number}", f"b{number}", status=500 if number else 204)
    read: list[str] = []
    after = ""
    while True:
        page = desk.call("GET", f"{EVERY}/{name}/attempts?limit=3&after={after}").json
        read += [each["id"] for each in page["attempts"]]
        after = page.get("next", "")
        if not after:
            break
    assert read == ["b4", "a4", "b3", "a3", "b2", "a2", "b1", "a1", "b0", "a0"]
    failed = desk.call("GET", f"{EVERY}/{name}/attempts?failed=true").json["attempts"]
    assert len(failed) == 8
    assert desk.call("GET", f"{EVERY}/{name}/attempts?day=2027-01-14").json["attempts"] == []


@pytest.mark.parametrize("query", ["day=yesterday", "day=../..", "limit=0", "limit=x", "day=%ff"])
def test_a_query_that_cannot_be_used_is_refused(desk: AdminDesk, query: str) -> None:
    name = made(desk)["id"]
    assert desk.call("GET", f"{EVERY}/{name}/attempts?{query}").status == 422


def calls(desk: AdminDesk) -> list[Call]:
    found = desk.keys(keys.NOTIFYING)
    return [msgspec.convert(desk.get(key), Call) for key in found]


def test_what_was_told_in_a_range_is_told_again(desk: AdminDesk) -> None:
    name = made(desk)["id"]
    logged(desk, name, NOW - 7200, "early")
    logged(desk, name, NOW - 60, "late", "later")
    logged(desk, name, NOW - 50, "refused", status=500)
    wish = {"since": NOW - 3600, "until": NOW}
    assert desk.call("POST", f"{EVERY}/{name}/replay", wish).status == 202
    (call,) = calls(desk)
    assert call.only == ["late", "later"], "what was refused waits, or is failed work"


def test_one_message_is_told_again(desk: AdminDesk) -> None:
    name = made(desk)["id"]
    logged(desk, name, NOW - 20 * 86400, "one", "two")
    assert desk.call("POST", f"{EVERY}/{name}/replay", {"message": "two"}).status == 202
    (call,) = calls(desk)
    assert call.only == ["two"]
    assert desk.call("POST", f"{EVERY}/{name}/replay", {"message": "no"}).status == 404


def test_what_failed_is_put_back_as_if_it_had_never_been_tried(desk: AdminDesk) -> None:
    name = made(desk)["id"]
    source = keys.outcomes_of_attempt("b" * 26, 0, 0)
    for number, at in enumerate((NOW - 10, NOW - 20, NOW - 90_000)):
        call = Call(domain=DOMAIN, webhook=name, source=source, at=at, attempt=7, taken=["m"])
        key = keys.notifying(DOMAIN, name, "n", number)
        failure = Failure(
            stage="notify",
            key=key,
            cause="NotTaken",
            message="",
            last_line="",
            at=at,
            tries=1,
            body=msgspec.json.encode(call),
        )
        body = msgspec.json.encode(failure)
        asyncio.run(desk.store.put(keys.failed("notify", key), body))
    assert desk.call("POST", f"{EVERY}/{name}/replay", {"only_failed": True}).status == 202
    assert [(each.attempt, each.taken) for each in calls(desk)] == [(0, ["m"])] * 2
    assert len(desk.keys(keys.FAILED)) == 1, "the one of the day before stays"


@pytest.mark.parametrize(
    "wish",
    [
        {"since": NOW, "until": NOW - 1},
        {"since": NOW - 40 * 86400, "until": NOW},
        {"since": "today"},
        {"since": 1e300, "until": 1e300},
        {"until": -1},
        {"form": 1},
    ],
)
def test_a_range_that_is_none_is_refused(desk: AdminDesk, wish: dict[str, Any]) -> None:
    name = made(desk)["id"]
    assert desk.call("POST", f"{EVERY}/{name}/replay", wish).status == 422
