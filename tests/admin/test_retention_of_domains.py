"""What a Domain keeps less long, over HTTP."""

from typing import Any, get_type_hints

import pytest
from admin_desk import OTHER, AdminDesk
from admin_races import overtaken
from station import DOMAIN

from functions.admin.resources.retention import Retention
from shared import keys
from shared.domain_retention import wishes
from shared.domain_retention.wanted import KINDS, LEAST_DAYS, MOST_DAYS
from shared.store.base import Store

ONE = f"/v1/domains/{DOMAIN}/retention"
NOTHING = dict.fromkeys(KINDS)


@pytest.fixture
def desk() -> AdminDesk:
    return AdminDesk()


def test_a_domain_keeps_everything_as_the_installation_does(desk: AdminDesk) -> None:
    assert desk.call("GET", ONE).json == NOTHING


def test_what_is_said_is_kept_so_all_at_once(desk: AdminDesk) -> None:
    answer = desk.call("PUT", ONE, {"batches": 30, "events": 1})
    assert (answer.status, answer.json) == (200, {**NOTHING, "batches": 30, "events": 1})
    assert desk.call("GET", ONE).json == answer.json
    assert desk.call("GET", f"/v1/domains/{OTHER}/retention").json == NOTHING
    assert desk.call("PUT", ONE, {"calls": 7, "events": None}).json == {**NOTHING, "calls": 7}
    assert desk.call("PUT", ONE, {}).json == NOTHING


@pytest.mark.parametrize("days", [LEAST_DAYS, dict.fromkeys(KINDS, MOST_DAYS)], ids=str)
def test_the_least_and_the_most_may_be_said(desk: AdminDesk, days: dict[str, int]) -> None:
    assert desk.call("PUT", ONE, days).json == days
    assert set(get_type_hints(Retention)) == set(KINDS)


@pytest.mark.parametrize(
    "body",
    [
        *({"batches": wrong} for wrong in (6, 0, -7, 7.5, True, "7", [7], 3651, 10**30)),
        *({kind: 0} for kind in KINDS),
        {"stats": 30},
        {"Batches": 30},
        {"batches": 30, "more": 1},
        [],
        7,
        None,
    ],
    ids=ascii,
)
def test_what_nobody_can_keep_is_refused(desk: AdminDesk, body: Any) -> None:
    desk.call("PUT", ONE, {"batches": 30})
    before = desk.keys()
    assert desk.call("PUT", ONE, b"null" if body is None else body).status == 422
    assert desk.call("GET", ONE).json == {**NOTHING, "batches": 30}
    assert desk.keys() == before


def test_what_is_no_json_is_refused(desk: AdminDesk) -> None:
    for body in (b"", b"{", b"\xff"):
        assert desk.call("PUT", ONE, body).problem == "malformed_json"


def test_a_wish_that_was_spoilt_by_hand_keeps_all_and_can_be_said_anew(desk: AdminDesk) -> None:
    for spoilt in (b"{", b'{"days": {"batches": 1}}', b'{"days": 7}', b"\xff"):
        desk.do(desk.store.put(keys.retention_wish(DOMAIN), spoilt))
        assert desk.call("GET", ONE).json == NOTHING
        assert desk.call("PUT", ONE, {"batches": 9}).json["batches"] == 9


def test_a_change_of_another_state_than_the_named_one_is_refused(desk: AdminDesk) -> None:
    etag = desk.call("PUT", ONE, {"batches": 30}).headers["etag"]
    assert desk.call("PUT", ONE, {"batches": 20}, if_match=etag).status == 200
    answer = desk.call("PUT", ONE, {"batches": 10}, if_match=etag)
    assert (answer.status, answer.problem) == (412, "precondition_failed")
    assert desk.call("GET", ONE).json["batches"] == 20


def test_who_loses_a_race_changes_nothing(desk: AdminDesk) -> None:
    async def other(store: Store) -> None:
        await wishes.keep(store, DOMAIN, {"batches": 8}, "")

    loser = overtaken(desk, keys.retention_wish(DOMAIN), other)
    answer = loser.call("PUT", ONE, {"batches": 30})
    assert (answer.status, answer.problem) == (409, "in_progress")
    assert desk.call("GET", ONE).json["batches"] == 8


def test_a_domain_sees_it_and_cannot_have_anything_deleted(desk: AdminDesk) -> None:
    desk.call("PUT", ONE, {"batches": 30})
    assert desk.as_domain("GET", ONE, scopes=("read",)).json["batches"] == 30
    assert desk.as_domain("PUT", ONE, {"batches": 7}).problem == "forbidden"
    assert desk.as_domain("GET", f"/v1/domains/{OTHER}/retention").problem == "not_found"


def test_nobody_says_it_for_a_domain_that_is_not_there(desk: AdminDesk) -> None:
    for method in ("GET", "PUT"):
        assert desk.call(method, "/v1/domains/nobody.example/retention", {}).status == 404
    assert desk.keys("control/") == []


def test_it_outlives_the_domain(desk: AdminDesk) -> None:
    desk.call("PUT", ONE, {"batches": 30})
    kept = desk.call("DELETE", f"/v1/domains/{DOMAIN}").json["kept"]
    assert any("retention of its own" in each for each in kept)
    body = {"name": DOMAIN, "algorithms": ["ed25519-sha256"]}
    assert desk.call("POST", "/v1/domains", body).status == 201
    assert desk.call("GET", ONE).json["batches"] == 30
