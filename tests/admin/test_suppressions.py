"""Suppressions over the operator API."""

import pytest
from admin_desk import NOW, OTHER, AdminDesk
from station import DOMAIN

from functions.admin.dashboard.api import Api
from functions.admin.dashboard.api import path as path_of
from functions.admin.face import MOST_BODY_BYTES
from functions.admin.principal import Principal
from shared.suppressions import Suppression, digest, editing

ANN = "ann@sink.example"
ALL = f"/v1/domains/{DOMAIN}/suppressions"


@pytest.fixture
def desk() -> AdminDesk:
    return AdminDesk()


def add(desk: AdminDesk, email: str, reason: str, at: float = NOW, delivery: str = "") -> None:
    entry = Suppression(email=email, reason=reason, at=at, delivery=delivery)
    desk.do(editing.add(desk.store, DOMAIN, entry))


def test_an_address_is_suppressed_seen_and_written_to_again(desk: AdminDesk) -> None:
    put = desk.as_domain("PUT", f"{ALL}/Ann@SINK.example")
    assert (put.status, put.json["email"], put.json["reason"]) == (
        201,
        "Ann@sink.example",
        "manual",
    )
    assert desk.as_domain("PUT", f"{ALL}/{ANN}").status == 200
    seen = desk.as_domain("GET", f"{ALL}/{ANN}", scopes=("read",))
    assert seen.json == put.json | {"digest": digest(ANN), "at": NOW}
    assert desk.as_domain("DELETE", f"{ALL}/{ANN}").status == 204
    assert desk.as_domain("GET", f"{ALL}/{ANN}").problem == "not_found"
    assert desk.as_domain("DELETE", f"{ALL}/{ANN}").problem == "not_found"


@pytest.mark.parametrize(
    "address",
    ["a/b@sink.example", "/S=x/@sink.example", "a%2Fb@sink.example", "50%25@sink.example"],
)
def test_an_address_with_a_slash_or_a_percent_sign_is_that_address(
    desk: AdminDesk, address: str
) -> None:
    """The path as a server has decoded it, once."""
    assert desk.as_domain("PUT", f"{ALL}/{address}").json["email"] == address
    assert desk.as_domain("GET", f"{ALL}/{address}", scopes=("read",)).json["email"] == address
    assert [each["email"] for each in desk.call("GET", ALL).json["suppressions"]] == [address]
    assert desk.as_domain("DELETE", f"{ALL}/{address}").status == 204


@pytest.mark.parametrize("address", ["a/b@sink.example", "a%2Fb@sink.example"])
def test_the_dashboard_means_the_same_address(desk: AdminDesk, address: str) -> None:
    async def put() -> None:
        place = path_of("domains", DOMAIN, "suppressions", address)
        await Api(desk.face, Principal()).send("PUT", place)

    desk.do(put())
    assert desk.call("GET", f"{ALL}/{address}").json["email"] == address


def test_the_reason_and_its_delivery_are_kept(desk: AdminDesk) -> None:
    add(desk, ANN, "hard_bounce", 5.0, "b.0000.0001")
    again = desk.call("PUT", f"{ALL}/{ANN}").json
    assert (again["reason"], again["at"], again["delivery"]) == ("hard_bounce", 5.0, "b.0000.0001")


def test_they_are_listed_page_by_page(desk: AdminDesk) -> None:
    for number in range(25):
        add(desk, f"r{number}@sink.example", "complaint" if number % 5 else "unsubscribed")
    seen: list[str] = []
    after = ""
    while True:
        page = desk.as_domain("GET", f"{ALL}?limit=10&after={after}", scopes=("read",)).json
        seen += [each["digest"] for each in page["suppressions"]]
        after = page["next"]
        if not after:
            break
    assert seen == sorted(digest(f"r{number}@sink.example") for number in range(25))
    chosen = desk.call("GET", f"{ALL}?reason=unsubscribed").json["suppressions"]
    assert {each["reason"] for each in chosen} == {"unsubscribed"}
    assert len(chosen) == 5


def test_a_csv_is_imported_and_exported(desk: AdminDesk) -> None:
    add(desk, ANN, "complaint")
    body = f"email,reason\n{ANN},manual\nben@sink.example,unsubscribed\nbroken,manual\n".encode()
    done = desk.as_domain("POST", f"{ALL}/import", body)
    assert done.json == {
        "added": 1,
        "known": 1,
        "invalid": 1,
        "errors": [{"line": 4, "why": "'broken' is no mail address"}],
    }
    answer = desk.as_domain("GET", f"{ALL}/export", scopes=("read",))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    head, *lines = answer.json.decode().split("\r\n")
    assert head == "email,reason,at,delivery,digest"
    assert sorted(lines) == [
        "",
        f"{ANN},complaint,2027-01-15T08:00:00Z,,",
        "ben@sink.example,unsubscribed,2027-01-15T08:00:00Z,,",
    ]
    again = desk.as_domain("POST", f"{ALL}/import", answer.json).json
    assert (again["added"], again["known"], again["invalid"]) == (0, 2, 0)


def test_a_long_export_leads_to_its_next_part(desk: AdminDesk) -> None:
    text = "\n".join(f"r{number}@sink.example" for number in range(25)).encode()
    desk.call("POST", f"{ALL}/import", text)
    lines: list[bytes] = []
    link = f"{ALL}/export?limit=10"
    for _ in range(3):
        answer = desk.call("GET", link)
        lines += answer.json.splitlines()[1:]
        link = answer.headers.get("link", "").partition(">")[0].lstrip("<")
    assert link == ""
    assert len(set(lines)) == len(lines) == 25


def test_as_much_as_a_call_may_bring_is_imported_at_once(desk: AdminDesk) -> None:
    line = "reader-{:06d}@a-rather-long-name-of-a-domain.example\n"
    count = MOST_BODY_BYTES // len(line.format(0))
    body = "".join(line.format(number) for number in range(count)).encode()
    assert desk.call("POST", f"{ALL}/import", body).json["added"] == count
    assert len(desk.keys(f"domains/{DOMAIN}/suppressions/")) == 1, "no object for each of them"
    assert desk.call("GET", f"{ALL}/{line.format(77).strip()}").status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", "/nobody"), ("PUT", "/nobody"), ("DELETE", "/a@b"), ("GET", "/a@b@c.example")),
        *(("GET", "?after=xyz"), ("GET", "?after=../../x"), ("GET", "?limit=0")),
        *(("GET", "?limit=1001"), ("GET", "?reason=spam"), ("GET", "/export?after=1")),
        *(("GET", "/export?limit=100001"), ("GET", "?reason=%ff")),
    ],
)
def test_what_cannot_be_meant_is_refused(desk: AdminDesk, method: str, path: str) -> None:
    answer = desk.call(method, f"{ALL}{path}")
    assert (answer.status, answer.problem) == (422, "invalid_parameter")


@pytest.mark.parametrize("body", [b"", b"\x00\xff\n\n", b'"', b"{}"])
def test_what_is_no_csv_adds_nothing(desk: AdminDesk, body: bytes) -> None:
    done = desk.call("POST", f"{ALL}/import", body)
    assert (done.status, done.json["added"]) == (200, 0)


def test_a_domain_that_is_not_there_has_no_list(desk: AdminDesk) -> None:
    nowhere = "/v1/domains/nowhere.example/suppressions"
    for method, path in (("GET", ""), ("PUT", f"/{ANN}"), ("POST", "/import"), ("GET", "/export")):
        assert desk.call(method, nowhere + path, b"x@y.example").status == 404
    assert desk.keys("domains/nowhere.example/") == []


def test_one_domains_list_is_not_anothers(desk: AdminDesk) -> None:
    desk.call("PUT", f"{ALL}/{ANN}")
    assert desk.call("GET", f"/v1/domains/{OTHER}/suppressions").json["suppressions"] == []
    assert desk.call("GET", f"/v1/domains/{OTHER}/suppressions/{ANN}").status == 404
