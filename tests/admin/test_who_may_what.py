"""Who is let in: operators by token, Domains by API key, each to its own."""

import itertools
from typing import Any

import pytest
from admin_desk import OTHER, TOKEN, AdminDesk
from openapi_spec_validator import validate
from station import DOMAIN

from functions.admin.principal import OPERATOR
from shared.domains import SCOPES


@pytest.fixture(scope="module")
def desk() -> AdminDesk:
    return AdminDesk()


def filled(path: str, domain: str) -> str:
    """The path with something in every place."""
    return path.replace("{domain}", domain).replace("{", "").replace("}", "")


def operations(desk: AdminDesk) -> list[tuple[str, str, Any]]:
    document = desk.call("GET", "/v1/openapi.json").json
    return [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_document_is_one(desk: AdminDesk) -> None:
    validate(desk.call("GET", "/v1/openapi.json").json)


def test_every_endpoint_is_in_the_document_and_says_what_it_does(desk: AdminDesk) -> None:
    documented = {(method, path) for method, path, _ in operations(desk)}
    assert documented == {(route.method, route.path) for route in desk.face.routes}
    for _, _, operation in operations(desk):
        assert operation["summary"]


def test_nobody_gets_anywhere_without_credentials(desk: AdminDesk) -> None:
    for method, path, _ in operations(desk):
        for headers in ({}, {"x-ekiden-admin-token": "x"}, {"authorization": "Bearer ek_x"}):
            answer = desk.send(method, filled(path, DOMAIN), None, headers)
            assert answer.status == 401, (method, path)


def test_one_domains_key_reaches_nothing_of_another_domain(desk: AdminDesk) -> None:
    before = {key: desk.do(desk.store.get(key)).body for key in desk.keys(f"domains/{OTHER}/")}
    for method, path, _ in operations(desk):
        if "{domain}" not in path:
            continue
        for scope in SCOPES:
            answer = desk.as_domain(method, filled(path, OTHER), b"{}", scopes=(scope,))
            assert (answer.status, answer.problem) == (404, "not_found"), (method, path)
    after = {key: desk.do(desk.store.get(key)).body for key in desk.keys(f"domains/{OTHER}/")}
    assert after == before


def test_no_api_key_does_what_is_for_operators(desk: AdminDesk) -> None:
    for route in desk.face.routes:
        if route.scope == OPERATOR:
            answer = desk.as_domain(route.method, filled(route.path, DOMAIN), b"{}")
            assert (answer.status, answer.problem) == (403, "forbidden"), route.path


def test_a_key_does_what_its_scopes_say(desk: AdminDesk) -> None:
    for route, scope in itertools.product(desk.face.routes, SCOPES):
        if route.scope != OPERATOR and scope not in (route.scope, "admin"):
            path = filled(route.path, DOMAIN)
            answer = desk.as_domain(route.method, path, b"{}", scopes=(scope,))
            assert (answer.status, answer.problem) == (403, "forbidden"), (path, scope)


@pytest.mark.parametrize("token", ["", "wrong", TOKEN.upper(), TOKEN + "x", "\udc80", "ключ"])
def test_a_wrong_admin_token_is_no_token(desk: AdminDesk, token: str) -> None:
    assert desk.call("GET", "/v1/failed", x_ekiden_admin_token=token).status == 401


def test_without_a_configured_token_nobody_is_an_operator() -> None:
    desk = AdminDesk(admin__tokens="")
    for token in ("", TOKEN):
        assert desk.call("GET", "/v1/failed", x_ekiden_admin_token=token).status == 401


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/nothing", "/v1/failed/x/y/z", "//", "/v1/failed/%2e%2e"]
)
def test_what_is_not_there_is_said(desk: AdminDesk, path: str) -> None:
    assert desk.call("GET", path).status == 404


def test_a_wrong_method_names_the_right_ones(desk: AdminDesk) -> None:
    answer = desk.call("PUT", "/v1/failed")
    assert (answer.status, answer.headers["allow"]) == (405, "GET")


def test_decisions_are_put_on_record_where_that_is_wanted() -> None:
    desk = AdminDesk(audit__enabled="on")
    desk.call("GET", "/v1/failed", x_ekiden_attribution="anna@ops.example")
    desk.as_domain("GET", "/v1/failed")
    desk.send("GET", "/v1/failed", None, {})
    records = {record["who"].split()[0]: record for record in map(desk.get, desk.keys("audit/"))}
    allowed, refused, nobody = records["operator"], records["API"], records["nobody"]
    assert (allowed["who"], allowed["attribution"]) == ("operator", "anna@ops.example")
    assert (refused["allowed"], refused["why"]) == (False, "forbidden")
    assert (nobody["who"], nobody["why"]) == ("nobody", "unauthenticated")


@pytest.mark.parametrize("name", ["Zoë Müller", "山田"])
def test_a_name_on_record_is_the_one_that_was_sent(name: str) -> None:
    desk = AdminDesk(audit__enabled="on")
    as_servers_read_it = name.encode().decode("latin-1")
    desk.call("GET", "/v1/failed", x_ekiden_attribution=as_servers_read_it)
    assert [desk.get(key)["attribution"] for key in desk.keys("audit/")] == [name]


def test_nothing_is_on_record_unless_it_is_wanted(desk: AdminDesk) -> None:
    assert desk.keys("audit/") == []
