"""DKIM keys over HTTP: a rotation with an overlap."""

from typing import Any

import pytest
from admin_desk import NOW, AdminDesk
from admin_races import at_every_death, overtaken
from station import DOMAIN

from shared import keys
from shared.dkim_keys import dns_record, load
from shared.provision import MOST_DKIM_KEYS, add_dkim_key, read_dkim
from shared.store.base import Store

DKIM = f"/v1/domains/{DOMAIN}/dkim"
SECOND = {"selector": "s2", "algorithm": "ed25519-sha256"}


@pytest.fixture
def desk() -> AdminDesk:
    return AdminDesk()


def signing(desk: AdminDesk) -> dict[str, bool]:
    return {key["selector"]: key["signing"] for key in desk.call("GET", DKIM).json["keys"]}


def test_keys_are_rotated_with_an_overlap(desk: AdminDesk) -> None:
    made = desk.as_domain("POST", DKIM, SECOND)
    assert (made.status, made.json["signing"]) == (201, False)
    stored = desk.do(read_dkim(desk.store, DOMAIN))[0].keys[1]
    name, value = dns_record("s2", DOMAIN, load(stored))
    assert made.json["record"] == {"type": "TXT", "name": name, "value": value}
    assert signing(desk) == {"ekiden1": True, "s2": False}
    desk.as_domain("PUT", f"{DKIM}/signing", {"selectors": ["s2", "ekiden1"]})
    assert signing(desk) == {"ekiden1": True, "s2": True}
    desk.as_domain("PUT", f"{DKIM}/signing", {"selectors": ["s2"]})
    assert desk.as_domain("DELETE", f"{DKIM}/ekiden1").status == 204
    assert signing(desk) == {"s2": True}


def test_a_key_that_signs_is_kept(desk: AdminDesk) -> None:
    answer = desk.call("DELETE", f"{DKIM}/ekiden1")
    assert (answer.status, answer.problem) == (409, "selector_in_use")
    assert signing(desk) == {"ekiden1": True}


def test_a_key_may_be_called_signing(desk: AdminDesk) -> None:
    assert desk.call("POST", DKIM, {**SECOND, "selector": "signing"}).status == 201
    assert desk.call("DELETE", f"{DKIM}/signing").status == 204


def test_an_unknown_selector_is_not_found(desk: AdminDesk) -> None:
    for selector in ("s9", "..", "%2F", "x" * 400):
        assert desk.call("DELETE", f"{DKIM}/{selector}").status == 404


@pytest.mark.parametrize("selector", ["ekiden1", "EKIDEN1"])
def test_a_selector_is_taken_once(desk: AdminDesk, selector: str) -> None:
    answer = desk.call("POST", DKIM, {**SECOND, "selector": selector})
    assert (answer.status, answer.problem) == (409, "exists")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"selector": ""},
        {"selector": "a b"},
        {"selector": "a\r\nb"},
        {"selector": "x" * 300},
        {"selector": "s2", "algorithm": "rsa-sha1"},
        {"selector": "s2", "private_key_pem": "x"},
        [],
    ],
    ids=ascii,
)
def test_what_is_no_key_is_refused(desk: AdminDesk, body: Any) -> None:
    assert desk.call("POST", DKIM, body).status == 422
    assert signing(desk) == {"ekiden1": True}


def test_a_domain_has_so_many_keys_and_no_more(desk: AdminDesk) -> None:
    for n in range(MOST_DKIM_KEYS - 1):
        assert desk.call("POST", DKIM, {**SECOND, "selector": f"s{n}"}).status == 201
    answer = desk.call("POST", DKIM, {**SECOND, "selector": "one-more"})
    assert (answer.status, "forget those" in answer.json["detail"]) == (422, True)
    assert len(signing(desk)) == MOST_DKIM_KEYS


@pytest.mark.parametrize(
    "selectors", [[], ["s9"], ["ekiden1", "s9"], "ekiden1", [1], ["ekiden1"] * 11], ids=ascii
)
def test_only_keys_that_there_are_can_sign(desk: AdminDesk, selectors: Any) -> None:
    answer = desk.call("PUT", f"{DKIM}/signing", {"selectors": selectors})
    assert answer.status == 422
    assert signing(desk) == {"ekiden1": True}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", DKIM, SECOND),
        ("PUT", f"{DKIM}/signing", {"selectors": ["ekiden1"]}),
        ("DELETE", f"{DKIM}/spare", None),
    ],
)
def test_who_loses_a_race_changes_nothing(method: str, path: str, body: Any) -> None:
    desk = AdminDesk()
    desk.call("POST", DKIM, {**SECOND, "selector": "spare"})

    async def other(store: Store) -> None:
        await add_dkim_key(store, DOMAIN, "ed25519-sha256", "theirs", NOW)

    answer = overtaken(desk, keys.domain_dkim(DOMAIN), other).call(method, path, body)
    assert (answer.status, answer.problem) == (409, "in_progress")
    assert signing(desk) == {"ekiden1": True, "spare": False, "theirs": False}


def test_dying_while_a_key_is_made_leaves_it_whole_or_not_at_all() -> None:
    left = at_every_death(lambda desk: None, lambda desk: desk.call("POST", DKIM, SECOND))
    assert [list(signing(desk)) for desk in left] == [["ekiden1"], ["ekiden1", "s2"]]


def test_reading_is_enough_to_see_keys_and_not_to_make_them(desk: AdminDesk) -> None:
    assert desk.as_domain("GET", DKIM, scopes=("read",)).status == 200
    assert desk.as_domain("POST", DKIM, SECOND, scopes=("read", "send")).problem == "forbidden"
