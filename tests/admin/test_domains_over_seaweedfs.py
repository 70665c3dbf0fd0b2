"""The operator API over a real SeaweedFS, whose listings have an order of their own."""

from collections.abc import Iterator

import pytest
from admin_desk import OTHER, AdminDesk
from seaweed import Seaweed
from station import DOMAIN

from shared import keys
from shared.store import open_store

TEMPLATES = f"/v1/domains/{DOMAIN}/templates"


@pytest.fixture
def desk(seaweed: Seaweed, request: pytest.FixtureRequest) -> Iterator[AdminDesk]:
    store = open_store(seaweed.url(request.node.name))
    desk = AdminDesk(store)
    yield desk
    desk.do(store.close())


def pages(desk: AdminDesk, path: str, name: str, limit: int) -> list[str]:
    """What is in all pages of a listing."""
    seen: list[str] = []
    after = ""
    while True:
        page = desk.call("GET", f"{path}?limit={limit}&after={after}").json
        seen += [str(each.get("name") or each.get("id")) for each in page[name]]
        if not (after := page["next"]):
            return seen


def test_every_domain_is_on_one_page(desk: AdminDesk) -> None:
    more = ["a.example", "a-b.example", "a.example.com", "example.org.au", "x.example.org"]
    for name in more:
        new = {"name": name, "algorithms": ["ed25519-sha256"]}
        assert desk.call("POST", "/v1/domains", new).status == 201
        desk.call("PUT", f"/v1/domains/{name}/templates/a", {"text": "x"})
    for limit in (1, 2, 100):
        seen = pages(desk, "/v1/domains", "domains", limit)
        assert sorted(seen) == sorted([*more, DOMAIN, OTHER])


def test_every_template_and_version_is_on_one_page(desk: AdminDesk) -> None:
    names = ["a", "a.b", "a-b", "ab", "A", "a.json", "0"]
    for name in names:
        for text in ("one", "two", "three"):
            assert desk.call("PUT", f"{TEMPLATES}/{name}", {"text": text}).status == 200
    assert sorted(pages(desk, TEMPLATES, "templates", 2)) == sorted(names)
    for name in names:
        page = desk.call("GET", f"{TEMPLATES}/{name}/versions").json["versions"]
        assert [(each["id"], each["version"]) for each in page] == [
            (name, 1),
            (name, 2),
            (name, 3),
        ]


def test_changes_are_compared_and_swapped(desk: AdminDesk) -> None:
    etag = desk.call("PUT", f"{TEMPLATES}/a", {"text": "one"}).headers["etag"]
    assert desk.call("GET", f"{TEMPLATES}/a").headers["etag"] == etag
    assert desk.call("PUT", f"{TEMPLATES}/a", {"text": "two"}, if_match=etag).status == 200
    assert desk.call("PUT", f"{TEMPLATES}/a", {"text": "three"}, if_match=etag).status == 412


def test_a_removed_domain_is_gone(desk: AdminDesk) -> None:
    desk.api_key(DOMAIN, ("send",))
    assert desk.call("DELETE", f"/v1/domains/{DOMAIN}").status == 200
    assert desk.keys(keys.api_keys(DOMAIN)) == []
    assert pages(desk, "/v1/domains", "domains", 10) == [OTHER]
