"""API keys over HTTP: shown once, given no more than one has, deactivated."""

from typing import Any

import pytest
from admin_desk import OTHER, AdminDesk
from admin_races import at_every_death, overtaken
from station import DOMAIN

from shared import keys
from shared.domains import Directory
from shared.provision import deactivate_api_key
from shared.store.base import Store

KEYS = f"/v1/domains/{DOMAIN}/keys"


@pytest.fixture
def desk() -> AdminDesk:
    return AdminDesk()


def works(desk: AdminDesk, key: str) -> bool:
    directory = Directory(desk.store, lambda: desk.now)
    return desk.do(directory.identify(key, None)) is not None


def test_a_key_is_shown_once_and_works(desk: AdminDesk) -> None:
    answer = desk.call("POST", KEYS, {"name": "shop", "scopes": ["read", "send"]})
    key, made = answer.json.pop("key"), answer.json
    assert (answer.status, answer.headers["cache-control"]) == (201, "no-store")
    assert made["scopes"] == ["send", "read"]
    assert works(desk, key)
    assert desk.call("GET", answer.headers["location"]).json == made
    assert desk.call("GET", KEYS).json["keys"] == [made]
    secret = key.split("_", 2)[2].removesuffix(f"_{DOMAIN}")
    assert secret not in str([desk.get(each) for each in desk.keys("domains/")])


def test_no_answer_has_the_hash(desk: AdminDesk) -> None:
    made = desk.call("POST", KEYS, {})
    stored = desk.get(keys.api_key(DOMAIN, made.json["id"]))
    answers = [made, desk.call("GET", KEYS), desk.call("GET", f"{KEYS}/{made.json['id']}")]
    assert all(stored["hash"] not in str(answer.json) for answer in answers)


def test_a_key_expires(desk: AdminDesk) -> None:
    made = desk.call("POST", KEYS, {"expires_at": desk.now + 60}).json
    assert works(desk, made["key"])
    desk.now += 60
    assert not works(desk, made["key"])
    assert desk.call("GET", f"{KEYS}/{made['id']}").json["active"] is False


def test_a_deactivated_key_does_not_work_and_stays_listed(desk: AdminDesk) -> None:
    made = desk.call("POST", KEYS, {}).json
    assert desk.call("DELETE", f"{KEYS}/{made['id']}").status == 204
    assert desk.call("DELETE", f"{KEYS}/{made['id']}").status == 204
    assert not works(desk, made["key"])
    assert [each["active"] for each in desk.call("GET", KEYS).json["keys"]] == [False]


def test_keys_are_listed_page_by_page(desk: AdminDesk) -> None:
    made = {desk.call("POST", KEYS, {}).json["id"] for _ in range(5)}
    seen: list[str] = []
    after = ""
    while True:
        page = desk.call("GET", f"{KEYS}?limit=2&after={after}").json
        seen += [each["id"] for each in page["keys"]]
        if not (after := page["next"]):
            break
    assert (len(seen), set(seen)) == (5, made)


# Who gives what.


def test_a_domain_gives_what_its_own_key_has(desk: AdminDesk) -> None:
    answer = desk.as_domain("POST", KEYS, {"scopes": ["send"]}, scopes=("admin", "send"))
    assert answer.status == 201


@pytest.mark.parametrize("scopes", [["send"], ["read"], ["admin", "send"]])
def test_a_domain_gives_nothing_that_its_own_key_has_not(
    desk: AdminDesk, scopes: list[str]
) -> None:
    before = len(desk.keys(keys.api_keys(DOMAIN)))
    answer = desk.as_domain("POST", KEYS, {"scopes": scopes}, scopes=("admin",))
    assert (answer.status, answer.problem) == (403, "forbidden")
    assert len(desk.keys(keys.api_keys(DOMAIN))) == before + 1  # the caller's own


@pytest.mark.parametrize("scopes", [("send",), ("read",), ("send", "read")])
def test_who_is_no_admin_sees_and_makes_no_keys(desk: AdminDesk, scopes: tuple[str, ...]) -> None:
    for method, path in (("GET", KEYS), ("POST", KEYS), ("GET", f"{KEYS}/x"), ("DELETE", KEYS)):
        answer = desk.as_domain(method, path, {}, scopes=scopes)
        assert answer.status in (403, 405), (method, path)


def test_the_keys_of_another_domain_do_not_exist(desk: AdminDesk) -> None:
    theirs = desk.call("POST", f"/v1/domains/{OTHER}/keys", {}).json["id"]
    assert desk.as_domain("DELETE", f"/v1/domains/{OTHER}/keys/{theirs}").status == 404
    assert desk.as_domain("DELETE", f"{KEYS}/{theirs}").status == 404
    assert desk.get(keys.api_key(OTHER, theirs)).get("active", True)


# What is wrong.


@pytest.mark.parametrize(
    "body",
    [
        {"scopes": []},
        {"scopes": ["operator"]},
        {"scopes": ["SEND"]},
        {"scopes": "send"},
        {"name": "x" * 201},
        {"name": "a\nb"},
        {"name": 1},
        {"expires_at": 1.0},
        {"expires_at": -1},
        {"expires_at": 1e300},
        {"expires_at": "tomorrow"},
        {"hash": "0"},
        [],
    ],
    ids=ascii,
)
def test_a_wrong_key_is_refused(desk: AdminDesk, body: Any) -> None:
    assert desk.call("POST", KEYS, body).status == 422
    assert desk.keys(keys.api_keys(DOMAIN)) == []


@pytest.mark.parametrize("key_id", ["0", "..", "%2e", "x" * 300, "ключ", "a.b"])
def test_an_unknown_key_is_not_found(desk: AdminDesk, key_id: str) -> None:
    for method in ("GET", "DELETE"):
        assert desk.call(method, f"{KEYS}/{key_id}").status == 404


def test_an_unknown_domain_has_no_keys(desk: AdminDesk) -> None:
    for method in ("GET", "POST"):
        assert desk.call(method, "/v1/domains/nobody.example/keys", {}).status == 404
    assert desk.keys("domains/nobody") == []


# What happens meanwhile.


def test_two_that_deactivate_a_key_do_no_harm(desk: AdminDesk) -> None:
    made = desk.call("POST", KEYS, {}).json

    async def other(store: Store) -> None:
        await deactivate_api_key(store, DOMAIN, made["id"])

    place = keys.api_key(DOMAIN, made["id"])
    answer = overtaken(desk, place, other).call("DELETE", f"{KEYS}/{made['id']}")
    assert (answer.status, answer.problem) == (409, "in_progress")
    assert not works(desk, made["key"])


def test_dying_while_a_key_is_made_leaves_one_that_nobody_knows_or_none() -> None:
    left = at_every_death(lambda desk: None, lambda desk: desk.call("POST", KEYS, {}))
    assert [len(desk.call("GET", KEYS).json["keys"]) for desk in left] == [0, 1]


def test_a_key_that_expires_makes_none_that_lives_longer(desk: AdminDesk) -> None:
    ends = desk.now + 60
    made = desk.call("POST", KEYS, {"scopes": ["admin"], "expires_at": ends}).json["key"]
    bearer = {"authorization": f"Bearer {made}"}
    for wished in ({}, {"expires_at": 0}, {"expires_at": ends + 1}):
        answer = desk.send("POST", KEYS, {"scopes": ["admin"], **wished}, bearer)
        assert (answer.status, answer.problem) == (403, "forbidden"), wished
    wish = {"scopes": ["admin"], "expires_at": ends}
    assert desk.send("POST", KEYS, wish, bearer).status == 201
