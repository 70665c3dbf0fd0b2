"""What was decided about calls, read back."""

import pytest
from admin_desk import AdminDesk

from shared.layout import EXPIRES_AFTER_S

AUDIT = "/v1/audit"


@pytest.fixture
def desk() -> AdminDesk:
    return AdminDesk(audit__enabled="on")


def test_decisions_of_a_day_are_read_in_their_order(desk: AdminDesk) -> None:
    desk.call("GET", "/v1/failed", x_ekiden_attribution="anna@ops.example")
    desk.now += 1
    desk.as_domain("GET", "/v1/failed")
    desk.now += 1
    records = desk.call("GET", f"{AUDIT}?day=2027-01-15").json["records"]
    assert [each["path"] for each in records] == ["/v1/failed", "/v1/failed", AUDIT]
    assert (records[0]["attribution"], records[0]["allowed"]) == ("anna@ops.example", True)
    assert (records[1]["allowed"], records[1]["why"]) == (False, "forbidden")


def test_today_is_shown_unless_told(desk: AdminDesk) -> None:
    desk.call("GET", "/v1/failed")
    desk.now += 86_400
    assert [each["path"] for each in desk.call("GET", AUDIT).json["records"]] == [AUDIT]


def test_records_are_read_page_by_page(desk: AdminDesk) -> None:
    for number in range(5):
        desk.now += 1
        desk.call("GET", f"/v1/failed/{number}")
    seen: list[str] = []
    after = ""
    for _ in range(3):
        desk.now += 1  # a page is a record, too
        page = desk.call("GET", f"{AUDIT}?limit=2&after={after}").json
        seen += [each["path"][-1] for each in page["records"]]
        after = page["next"]
    assert seen[:5] == list("01234")


def test_without_records_there_is_an_empty_page() -> None:
    desk = AdminDesk()
    assert desk.call("GET", AUDIT).json == {"records": [], "next": ""}


@pytest.mark.parametrize(
    "query",
    ["day=x", "day=2027-1-5", "day=../../domains", "day=2027-01-15/..", "limit=0", "limit=201"],
)
def test_a_wrong_question_is_refused(desk: AdminDesk, query: str) -> None:
    assert desk.call("GET", f"{AUDIT}?{query}").problem == "invalid_parameter"


def test_an_api_key_sees_nothing_of_it(desk: AdminDesk) -> None:
    assert desk.as_domain("GET", AUDIT).problem == "forbidden"


def test_the_bucket_keeps_records_as_long_as_the_default_says() -> None:
    from shared.config import load

    assert load(environ={}).audit.retention == EXPIRES_AFTER_S["audit/"]
