"""Calls made to break something: each gets an answer that says what is wrong, and is bounded."""

from base64 import urlsafe_b64encode
from urllib.parse import quote

import pytest
from admin_desk import AdminDesk
from seaweed import Seaweed
from station import DOMAIN

from shared.store import open_store

OWN = f"/v1/domains/{DOMAIN}"
LISTS = [
    *("/v1/domains", "/v1/failed", "/v1/audit"),
    *(f"{OWN}/{each}" for each in ("keys", "templates", "templates/x/versions", "suppressions")),
]
NO_KEYS = ["\x00", "\x7f", "..", "../..", "a//b", "/", "\\..\\", "\r\n", "x" * 2000]
"""What no object can be called, or not in every store."""


@pytest.fixture
def desk() -> AdminDesk:
    return AdminDesk()


@pytest.mark.parametrize(
    "limit", ["00000000019999999999", "1" + "0" * 5000, "0000000001" + "9" * 5000]
)
def test_a_limit_with_many_digits_is_no_way_around_the_most(desk: AdminDesk, limit: str) -> None:
    for path in LISTS:
        answer = desk.call("GET", f"{path}?limit={limit}")
        assert (answer.status, answer.problem) == (422, "invalid_parameter"), path
        assert len(answer.json["detail"]) < 200


def test_json_that_is_nested_without_end_is_refused(desk: AdminDesk) -> None:
    desk.call("PUT", f"{OWN}/templates/x", {"text": "{{ y }}"})
    for depth in (1_000, 100_000):
        body = b'{"fields": {"y": ' + b"[" * depth + b"]" * depth + b"}}"
        assert desk.call("POST", f"{OWN}/templates/x/preview", body).status == 422


def test_what_no_object_can_be_called_is_refused_over_a_bucket(seaweed: Seaweed) -> None:
    desk = AdminDesk(open_store(seaweed.url("hostile")))
    for name in NO_KEYS:
        id_ = urlsafe_b64encode(f"failed/send/{name}".encode()).decode().rstrip("=")
        for path in LISTS:
            after = id_ if path == "/v1/failed" else name
            assert desk.call("GET", f"{path}?after={quote(after)}").status < 500, (path, name)
        for method, path in (("GET", ""), ("POST", "/replay"), ("DELETE", "")):
            assert desk.call(method, f"/v1/failed/{id_}{path}").status == 404, name
        assert desk.call("GET", f"/v1/failed?stage={quote(name)}").status == 422, name
        for path in (f"{OWN}x{name}", f"{OWN}/webhooks/x{name}", f"{OWN}/templates/x{name}"):
            assert desk.call("GET", path).status in (404, 405), path
