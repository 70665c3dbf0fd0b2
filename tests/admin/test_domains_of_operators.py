"""Domains over HTTP: added, listed, changed, removed."""

from typing import Any

import pytest
from admin_desk import NOW, OTHER, AdminDesk
from admin_races import at_every_death, overtaken, racing
from contents import content_of
from station import DOMAIN

from shared import keys
from shared.model import encode
from shared.provision import change_domain, read_domain
from shared.store.base import Store

DOMAINS = "/v1/domains"
ONE = f"{DOMAINS}/{DOMAIN}"
NEW = {"name": "New.example", "algorithms": ["ed25519-sha256"]}


@pytest.fixture
def desk() -> AdminDesk:
    return AdminDesk()


def content(batch: str, domain: str) -> bytes:
    return encode(content_of(batch, domain, NOW))


# Adding.


def test_a_domain_is_added_and_its_records_are_shown(desk: AdminDesk) -> None:
    both = {"name": "New.example", "algorithms": ["rsa-sha256", "ed25519-sha256"]}
    answer = desk.call("POST", DOMAINS, both)
    assert (answer.status, answer.headers["location"]) == (201, f"{DOMAINS}/new.example")
    assert [key["selector"] for key in answer.json["dkim"]] == ["ekiden1", "ekiden1-2"]
    assert all(key["signing"] for key in answer.json["dkim"])
    names = {(each["type"], each["name"]) for each in answer.json["records"]}
    assert ("TXT", "ekiden1._domainkey.new.example") in names
    assert ("TXT", "_dmarc.new.example") in names
    assert desk.call("GET", f"{DOMAINS}/new.example").json == answer.json


def test_nothing_secret_is_shown(desk: AdminDesk) -> None:
    desk.call("PATCH", ONE, {"routes": {"*": "smtp://user:hidden@relay.example"}})
    record, dkim = desk.get(keys.domain_record(DOMAIN)), desk.get(keys.domain_dkim(DOMAIN))
    for path in (ONE, f"{ONE}/dkim"):
        shown = str(desk.call("GET", path).json)
        assert "hidden" not in shown
        assert record["return_path_secret"] not in shown
        assert dkim["keys"][0]["private_key_pem"][40:80] not in shown
    assert desk.call("GET", ONE).json["routes"] == {"*": "smtp://user:***@relay.example"}


def test_the_return_path_host_is_the_configured_one_unless_told() -> None:
    desk = AdminDesk(send__return_path_host="bounces.example")
    assert desk.call("POST", DOMAINS, NEW).json["return_path_host"] == "bounces.example"
    other = {**NEW, "name": "b.example", "return_path_host": "mx.b.example"}
    assert desk.call("POST", DOMAINS, other).json["return_path_host"] == "mx.b.example"


def test_a_domain_is_added_once(desk: AdminDesk) -> None:
    before = desk.do(desk.store.get(keys.domain_dkim(DOMAIN))).body
    answer = desk.call("POST", DOMAINS, {**NEW, "name": DOMAIN.upper()})
    assert (answer.status, answer.problem) == (409, "exists")
    assert desk.do(desk.store.get(keys.domain_dkim(DOMAIN))).body == before


def test_twins_that_add_a_domain_show_the_same_keys(desk: AdminDesk) -> None:
    def add() -> Any:
        from shared.provision import Taken, add_domain

        async def one() -> Any:
            try:
                return await add_domain(desk.store, "new.example", ["ed25519-sha256"], NOW)
            except Taken:
                return None

        return one()

    made = [each for each in racing(desk, add, add, add) if each]
    assert len(made) == 1
    stored = desk.get(keys.domain_dkim("new.example"))["keys"][0]
    assert made[0][1].keys[0].private_key_pem == stored["private_key_pem"]


def test_dying_while_a_domain_is_added_is_harmless() -> None:
    left = at_every_death(lambda desk: None, lambda desk: desk.call("POST", DOMAINS, NEW))
    assert len(left) == 4
    for desk in left:
        again = desk.call("POST", DOMAINS, NEW)
        assert (again.status, again.problem) in ((201, ""), (409, "exists"))
        shown = desk.call("GET", f"{DOMAINS}/new.example")
        assert shown.status == 200
        if again.status == 201:
            assert again.json == shown.json


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "localhost"},
        {"name": "a/b.example"},
        {"name": "../x.example"},
        {"name": "x" * 300 + ".example"},
        {"name": "a\x00.example"},
        {**NEW, "algorithms": []},
        {**NEW, "algorithms": ["rsa-sha1"]},
        {**NEW, "algorithms": ["ed25519-sha256", "ed25519-sha256"]},
        {**NEW, "selector": "a b"},
        {**NEW, "selector": "x" * 64},
        {**NEW, "selector": ""},
        {**NEW, "return_path_host": "-"},
        {**NEW, "more": 1},
        [],
        1,
    ],
    ids=ascii,
)
def test_what_is_no_domain_is_refused(desk: AdminDesk, body: Any) -> None:
    before = desk.keys()
    assert desk.call("POST", DOMAINS, body).status == 422
    assert desk.keys() == before


def test_what_is_no_json_is_refused(desk: AdminDesk) -> None:
    for method, path in (("POST", DOMAINS), ("PATCH", ONE), ("POST", f"{ONE}/dkim")):
        for body in (b"", b"{", b"\xff"):
            answer = desk.call(method, path, body)
            assert (answer.status, answer.problem) == (400, "malformed_json")


# Listing.


def test_domains_are_listed_page_by_page(desk: AdminDesk) -> None:
    assert [each["name"] for each in desk.call("GET", DOMAINS).json["domains"]] == [DOMAIN, OTHER]
    first = desk.call("GET", f"{DOMAINS}?limit=1").json
    second = desk.call("GET", f"{DOMAINS}?limit=1&after={first['next']}").json
    third = desk.call("GET", f"{DOMAINS}?limit=1&after={second['next']}").json
    names = [each["name"] for page in (first, second, third) for each in page["domains"]]
    assert (names, third["next"]) == ([DOMAIN, OTHER], "")


def test_a_domain_with_thousands_of_objects_is_one_in_the_list(desk: AdminDesk) -> None:
    for number in range(2500):
        desk.do(desk.store.put(keys.tagged(DOMAIN, "x", f"{number:026d}"), b""))
    assert len(desk.call("GET", DOMAINS).json["domains"]) == 2


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=9999", "limit=-1", "after=%ff"])
def test_a_wrong_page_is_refused(desk: AdminDesk, query: str) -> None:
    assert desk.call("GET", f"{DOMAINS}?{query}").problem == "invalid_parameter"


# Changing.


def test_what_is_left_out_of_a_change_stays(desk: AdminDesk) -> None:
    desk.call("PATCH", ONE, {"pools": ["bulk", "bulk", "fast"]})
    answer = desk.call("PATCH", ONE, {"receives": ["@Example.org", "a@x.example"]})
    assert answer.json["pools"] == ["bulk", "fast"]
    assert answer.json["receives"] == ["@example.org", "a@x.example"]


@pytest.mark.parametrize(
    "body",
    [
        {"routes": {"a b": "mx"}},
        {"routes": {"*": "nonsense"}},
        {"routes": {"*": "smtp://user:***@relay.example"}},
        {"routes": []},
        {"routes": {"": "mx"}},
        {"pools": ["a b"]},
        {"pools": [""]},
        {"pools": "bulk"},
        {"receives": ["ann"]},
        {"receives": ["@"]},
        {"receives": ["a@b@c.example"]},
        {"return_path_host": "a b"},
        {"name": "other.example"},
        {"return_path_secret": "00"},
        None,
    ],
    ids=ascii,
)
def test_a_wrong_change_changes_nothing(desk: AdminDesk, body: Any) -> None:
    before = desk.do(desk.store.get(keys.domain_record(DOMAIN))).body
    assert desk.call("PATCH", ONE, body or b"null").status == 422
    assert desk.do(desk.store.get(keys.domain_record(DOMAIN))).body == before


def test_a_change_of_another_state_than_the_named_one_is_refused(desk: AdminDesk) -> None:
    etag = desk.call("GET", ONE).headers["etag"]
    assert desk.call("PATCH", ONE, {"pools": ["a"]}, if_match=etag).status == 200
    answer = desk.call("PATCH", ONE, {"pools": ["b"]}, if_match=etag)
    assert (answer.status, answer.problem) == (412, "precondition_failed")
    assert desk.call("GET", ONE).json["pools"] == ["a"]


def test_who_loses_a_race_changes_nothing(desk: AdminDesk) -> None:
    async def other(store: Store) -> None:
        await change_domain(store, DOMAIN, pools=["first"])

    answer = overtaken(desk, keys.domain_record(DOMAIN), other).call("PATCH", ONE, {"pools": []})
    assert (answer.status, answer.problem) == (409, "in_progress")
    assert desk.call("GET", ONE).json["pools"] == ["first"]


# Who may.


def test_a_domain_sees_itself_and_changes_nothing(desk: AdminDesk) -> None:
    assert desk.as_domain("GET", ONE, scopes=("read",)).json["name"] == DOMAIN
    for method in ("PATCH", "DELETE"):
        assert desk.as_domain(method, ONE, {}).problem == "forbidden"
    assert desk.as_domain("GET", f"{DOMAINS}/{OTHER}").problem == "not_found"


@pytest.mark.parametrize("name", ["nobody.example", "EXAMPLE.ORG", "%00", "x" * 400])
def test_an_unknown_domain_is_not_found(desk: AdminDesk, name: str) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        assert desk.call(method, f"{DOMAINS}/{name}", {}).status == 404


# Removing.


def test_a_removed_domain_can_do_nothing_and_its_history_stays(desk: AdminDesk) -> None:
    key = desk.api_key(DOMAIN, ("admin",))
    desk.call("PUT", f"{ONE}/templates/a", {"text": "x"})
    answer = desk.call("DELETE", ONE)
    assert answer.status == 200
    assert "suppressions" in answer.json["kept"]
    assert desk.keys(f"domains/{DOMAIN}/") == [keys.template(DOMAIN, "a")]
    desk.now += 60
    bearer = {"authorization": f"Bearer {key}"}
    assert desk.send("GET", ONE, None, bearer).status == 401
    assert desk.call("GET", ONE).status == 404
    assert [each["name"] for each in desk.call("GET", DOMAINS).json["domains"]] == [OTHER]


def test_a_domain_that_was_removed_can_be_added_again_with_other_secrets(desk: AdminDesk) -> None:
    old = desk.do(read_domain(desk.store, DOMAIN))[0].return_path_secret
    desk.call("DELETE", ONE)
    assert desk.call("POST", DOMAINS, {**NEW, "name": DOMAIN}).status == 201
    assert desk.do(read_domain(desk.store, DOMAIN))[0].return_path_secret != old


BATCH_ID = "01hf7yat00abcdefghjkmnpqrs"


@pytest.mark.parametrize(
    "work",
    [
        keys.validated(BATCH_ID, 0),
        keys.dispatched(BATCH_ID, 0, 1),
        keys.waiting(NOW, keys.validated(BATCH_ID, 0)),
        keys.waiting(NOW, keys.dispatched(BATCH_ID, 0, 1)),
        keys.inbox_of(DOMAIN) + "a.json",
        keys.notifying(DOMAIN, "w", "n", 0),
        keys.waiting(NOW, keys.notifying(DOMAIN, "w", "n", 0)),
    ],
)
def test_open_work_keeps_a_domain_unless_it_is_forced(desk: AdminDesk, work: str) -> None:
    desk.do(desk.store.put(keys.content(BATCH_ID), content(BATCH_ID, DOMAIN)))
    desk.do(desk.store.put(work, b"{}"))
    before = desk.keys()
    answer = desk.call("DELETE", ONE)
    assert (answer.status, answer.problem) == (409, "open_work")
    assert work in answer.json["detail"]
    assert desk.keys() == before
    assert desk.call("DELETE", f"{ONE}?force=true").status == 200
    assert work in desk.keys(work[:5])


def test_open_work_of_others_keeps_nobody(desk: AdminDesk) -> None:
    desk.do(desk.store.put(keys.content(BATCH_ID), content(BATCH_ID, OTHER)))
    for number in range(40):
        desk.do(desk.store.put(keys.validated(BATCH_ID, number), b"{}"))
    desk.do(desk.store.put("waiting/nonsense", b""))
    assert desk.call("DELETE", ONE).status == 200


def test_force_is_true_or_false(desk: AdminDesk) -> None:
    assert desk.call("DELETE", f"{ONE}?force=yes").problem == "invalid_parameter"


def test_dying_while_a_domain_is_removed_is_harmless() -> None:
    def prepare(desk: AdminDesk) -> None:
        for _ in range(3):
            desk.api_key(DOMAIN, ("send",))
        desk.do(desk.store.put(keys.webhook(DOMAIN, "w"), b"{}"))

    left = at_every_death(prepare, lambda desk: desk.call("DELETE", ONE))
    assert len(left) >= 12
    for desk in left:
        had_key = bool(desk.keys(keys.api_keys(DOMAIN)))
        is_there = keys.domain_record(DOMAIN) in desk.keys(keys.DOMAINS)
        assert is_there or not had_key  # no key ever speaks for a Domain that is not there
        assert desk.call("DELETE", ONE).status == (200 if is_there else 404)
        assert desk.keys(f"domains/{DOMAIN}/") == []
        assert desk.call("GET", f"{DOMAINS}/{OTHER}").status == 200
