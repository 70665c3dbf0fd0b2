"""Webhooks by the operator API: made, changed, rotated, tried, told again."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, TypeVar

import msgspec
import pytest
from admin_desk import NOW, OTHER, AdminDesk
from station import DOMAIN

from functions.admin.resources import webhooks as resource
from shared import keys, webhook_log, webhooks
from shared.notifying import Call
from shared.stage import Failure
from shared.store.base import Store
from shared.store.wrap import Wrapper
from shared.webhook_log import WebhookAttempt
from shared.webhooks import EVENTS, Rules, WebhookChange

EVERY = f"/v1/domains/{DOMAIN}/webhooks"
T = TypeVar("T")
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


def test_a_page_of_what_is_rare_ends_and_says_how_to_go_on(
    desk: AdminDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "MOST_TURNS", 3)
    name = made(desk)["id"]
    for number in range(7):
        logged(desk, name, NOW + number, f"a{number}", status=204 if number else 500)
    pages, after = [], ""
    while not pages or after:
        query = f"failed=true&after={after}"
        page = desk.call("GET", f"{EVERY}/{name}/attempts?{query}").json
        pages.append([each["id"] for each in page["attempts"]])
        after = page["next"]
    assert pages == [[], [], ["a0"]]


def test_a_log_object_that_cannot_be_read_hides_no_other(desk: AdminDesk) -> None:
    name = made(desk)["id"]
    logged(desk, name, NOW, "well")
    spoilt = keys.call_log(DOMAIN, name, NOW + 1, "spoilt")
    asyncio.run(desk.store.put(spoilt, b'{"id":'))
    shown = desk.call("GET", f"{EVERY}/{name}/attempts").json["attempts"]
    assert [each["id"] for each in shown] == ["well"]
    desk.call("POST", f"{EVERY}/{name}/replay", {})
    assert [each.only for each in calls(desk)] == [["well"]]


class Interleaved(Wrapper):
    """Others may come in between any two calls."""

    def __init__(self, inner: Store, rng: Random) -> None:
        super().__init__(inner)
        self._rng = rng

    async def _pass_on(self, op: str, key: str, call: Callable[[], Awaitable[T]]) -> T:
        for _ in range(self._rng.randrange(4)):
            await asyncio.sleep(0)
        return await call()


def test_webhooks_that_are_made_and_changed_at_once_all_hear(desk: AdminDesk) -> None:
    rules = Rules()

    async def story() -> None:
        store = Interleaved(desk.store, Random(1))
        wanted = [WebhookChange(url=f"https://h{n}.example/") for n in range(6)]
        made = await asyncio.gather(
            *(webhooks.add(store, DOMAIN, each, rules, NOW) for each in wanted)
        )
        one, *others = [each.id for each in made]
        less = WebhookChange(events=["bounced"])
        await asyncio.gather(
            webhooks.remove(store, DOMAIN, one),
            *(webhooks.change(store, DOMAIN, each, less, rules) for each in others),
        )
        listed = await webhooks.list_webhooks(desk.store, DOMAIN)
        assert sorted(each.id for each in listed) == sorted(others)

    desk.do(story())
    heard = desk.get(keys.domain_record(DOMAIN))["webhooks"]
    assert list(heard.values()) == [["bounced"]] * 5


def test_two_changes_of_one_webhook_at_once_never_leave_two_opinions(desk: AdminDesk) -> None:
    name = made(desk)["id"]

    async def story(seed: int) -> None:
        store = Interleaved(desk.store, Random(seed))
        changes = [WebhookChange(events=[event]) for event in ("bounced", "opened")]
        await asyncio.gather(
            *(webhooks.change(store, DOMAIN, name, each, Rules()) for each in changes),
            return_exceptions=True,
        )

    for seed in range(30):
        desk.do(story(seed))
        record = desk.get(keys.webhook(DOMAIN, name))
        assert desk.get(keys.domain_record(DOMAIN))["webhooks"][name] == record["events"], seed


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
    for number, at in enumerate((NOW - 10, NOW - 20, NOW - 90_000)):
        source = keys.outcomes_of_attempt("b" * 26, number, 0)
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
    wish = {"only_failed": True, "since": NOW - 86_400}
    assert desk.call("POST", f"{EVERY}/{name}/replay", wish).status == 202
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


def failed(desk: AdminDesk, name: str, number: int, at: float, work: bytes) -> None:
    key = keys.notifying(DOMAIN, name, "n", number)
    failure = Failure(
        stage="notify",
        key=key,
        cause="Paused",
        message="",
        last_line="",
        at=at,
        tries=1,
        body=work,
    )
    body = msgspec.json.encode(failure)
    asyncio.run(desk.store.put(keys.failed("notify", key), body))


def test_what_failed_comes_back_however_long_ago_it_did(desk: AdminDesk) -> None:
    """Who was paused for a long week-end, or a season, has missed all of it."""
    name = made(desk)["id"]
    for number, days in enumerate((0, 3, 90)):
        source = keys.outcomes_of_attempt("b" * 26, number, 0)
        call = Call(domain=DOMAIN, webhook=name, source=source, at=NOW)
        failed(desk, name, number, NOW - days * 86_400, msgspec.json.encode(call))
    assert desk.call("POST", f"{EVERY}/{name}/replay", {"only_failed": True}).status == 202
    assert len(calls(desk)) == 3
    assert desk.keys(keys.FAILED) == []


def test_a_failure_that_cannot_be_read_stays_and_stops_no_other(desk: AdminDesk) -> None:
    name = made(desk)["id"]
    call = Call(domain=DOMAIN, webhook=name, source="s", at=NOW)
    failed(desk, name, 0, NOW, b"garbage")
    failed(desk, name, 1, NOW, msgspec.json.encode(call))
    spoilt = keys.failed("notify", keys.notifying(DOMAIN, name, "m", 0))
    asyncio.run(desk.store.put(spoilt, b"{"))
    assert desk.call("POST", f"{EVERY}/{name}/replay", {"only_failed": True}).status == 202
    assert len(calls(desk)) == 1
    assert len(desk.keys(keys.FAILED)) == 2


def test_two_replays_of_one_moment_are_two(desk: AdminDesk) -> None:
    name = made(desk)["id"]
    logged(desk, name, NOW - 60, "one", "two")
    for message in ("one", "two"):
        desk.call("POST", f"{EVERY}/{name}/replay", {"message": message})
    assert sorted(each.only for each in calls(desk)) == [["one"], ["two"]]
