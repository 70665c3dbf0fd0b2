"""Who may submit: an API key speaks for one Domain, and for no other (feature K16)."""

import base64

import msgspec
import pytest
from desk import BATCH, DOMAIN, Desk

from shared import keys
from shared.domains import new_api_key
from shared.provision import deactivate_api_key


def basic(user: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


def refused(desk: Desk, authorization: str) -> None:
    answer = desk.submit(BATCH, authorization=authorization)
    assert (answer.status, answer.problem) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert answer.headers["content-type"] == "application/problem+json"
    assert desk.work() == []


def test_a_key_is_taken_as_bearer() -> None:
    desk = Desk()
    assert desk.submit(BATCH, authorization=f"Bearer {desk.api_key}").status == 202


@pytest.mark.parametrize("user", [DOMAIN, DOMAIN.upper()])
def test_a_key_is_taken_as_basic_with_its_domain_as_user(user: str) -> None:
    desk = Desk()
    assert desk.submit(BATCH, authorization=basic(user, desk.api_key)).status == 202


def test_the_name_of_the_scheme_may_have_any_case() -> None:
    desk = Desk()
    assert desk.submit(BATCH, authorization=f"bEARER {desk.api_key}").status == 202


def test_a_key_with_the_name_of_another_domain_is_refused() -> None:
    desk = Desk()
    desk.add_domain("other.example")
    refused(desk, basic("other.example", desk.api_key))


def test_a_key_whose_domain_was_exchanged_is_refused() -> None:
    desk = Desk()
    desk.add_domain("other.example")
    refused(desk, f"Bearer {desk.api_key.removesuffix(DOMAIN)}other.example")


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic",
        "Basic !",
        "Basic \xfc\xfc\xfc\xfc",
        "Bearer \xfc",
        "Basic " + base64.b64encode(b"\xff\xff:x").decode(),
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Digest x",
        "Bearer ek_000000000000_" + "A" * 43 + f"_{DOMAIN}",
        "Bearer ek_000000000000_" + "A" * 43 + "_unknown.example",
        "Bearer ek_000000000000_" + "A" * 43 + "_..",
        "Bearer ek_000000000000_" + "A" * 43 + "_" + "a" * 5000,
    ],
)
def test_what_is_no_known_key_is_refused(authorization: str) -> None:
    refused(Desk(), authorization)


def test_a_key_with_a_wrong_secret_is_refused() -> None:
    desk = Desk()
    start, secret, domain = desk.api_key.split("_", 2)[:2], "A" * 43, DOMAIN
    refused(desk, f"Bearer {'_'.join(start)}_{secret}_{domain}")


def test_a_deactivated_key_is_refused() -> None:
    desk = Desk()
    desk.do(deactivate_api_key(desk.store, DOMAIN, desk.api_key.split("_")[1]))
    refused(desk, f"Bearer {desk.api_key}")


def test_a_key_that_is_in_use_stops_working_seconds_after_its_deactivation() -> None:
    desk = Desk()
    assert desk.call("GET", "/v1/batches?tag=x").status == 200
    desk.do(deactivate_api_key(desk.store, DOMAIN, desk.api_key.split("_")[1]))
    desk.now += 11
    refused(desk, f"Bearer {desk.api_key}")


def test_a_key_works_until_it_expires_and_not_after() -> None:
    desk = Desk()
    shown, record = new_api_key(DOMAIN, "test", desk.now, expires_at=desk.now + 60)
    desk.do(desk.store.create(keys.api_key(DOMAIN, record.id), msgspec.json.encode(record)))
    assert desk.call("GET", "/v1/batches?tag=x", authorization=f"Bearer {shown}").status == 200
    desk.now += 60
    refused(desk, f"Bearer {shown}")


def test_a_key_does_not_send_for_another_domain() -> None:
    desk = Desk()
    desk.add_domain("other.example")
    answer = desk.submit({**BATCH, "sender": {"email": "news@other.example"}})
    assert (answer.status, answer.problem) == (403, "foreign_sender")
    assert "sends for example.org, not for other.example" in answer.json["detail"]
    assert desk.work() == []


def test_a_key_does_not_send_for_a_subdomain() -> None:
    desk = Desk()
    answer = desk.submit({**BATCH, "sender": {"email": f"news@sub.{DOMAIN}"}})
    assert (answer.status, answer.problem) == (403, "foreign_sender")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/batches?tag=x"),
        ("POST", "/v1/messages"),
        ("GET", "/v1/batches/{batch}"),
        ("POST", "/v1/batches/{batch}/cancel"),
        ("GET", "/v1/batches/{batch}/deliveries"),
        ("GET", "/v1/deliveries/{batch}.0000.0000"),
    ],
)
def test_every_path_wants_a_key(method: str, path: str) -> None:
    desk = Desk()
    batch = desk.submit(BATCH).json["batch"]
    answer = desk.call(method, path.format(batch=batch), authorization="")
    assert (answer.status, answer.problem) == (401, "unauthenticated")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/batches/{batch}"),
        ("POST", "/v1/batches/{batch}/cancel"),
        ("GET", "/v1/batches/{batch}/deliveries"),
        ("GET", "/v1/deliveries/{batch}.0000.0000"),
    ],
)
def test_a_batch_of_another_domain_does_not_exist(method: str, path: str) -> None:
    desk = Desk()
    batch = desk.submit(BATCH).json["batch"]
    desk.validate()
    before = desk.work()
    other = desk.add_domain("other.example")
    answer = desk.call(method, path.format(batch=batch), authorization=f"Bearer {other}")
    assert (answer.status, answer.problem) == (404, "unknown_batch")
    assert desk.work() == before


def test_the_tags_of_another_domain_lead_to_nothing() -> None:
    desk = Desk()
    desk.submit({**BATCH, "tags": ["spring"]})
    desk.validate()
    other = desk.add_domain("other.example")
    answer = desk.call("GET", "/v1/batches?tag=spring", authorization=f"Bearer {other}")
    assert answer.json["batches"] == []
