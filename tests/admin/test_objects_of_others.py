"""One Domain's key names the objects of another: nothing comes of it, at any endpoint.

The calls are made from the OpenAPI document, so a new endpoint is among them.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from admin_desk import NOW, OTHER, AdminDesk
from contents import content_of
from station import DOMAIN

from shared import feedback, keys
from shared.domains import ADMIN
from shared.feedback import Event
from shared.ids import batch_id, delivery_id
from shared.outcome import Outcome, State, encode_lines

SECRET = "nobody-elses-business"
"""Stands in all objects of the other Domain, and in none of their names."""
BATCH = batch_id(NOW, bytes(10))
DELIVERY = delivery_id(BATCH, 0, 0)
READER = "reader@sink.example"
THEIRS = f"/v1/domains/{OTHER}"

BODIES: dict[str, Any] = {
    "TemplateWish": {"text": "ours"},
    "NewDkimKey": {"selector": "ours"},
    "Signing": {"selectors": ["theirs"]},
    "NewWebhook": {"url": "https://ours.example/"},
    "WebhookChange": {"url": "https://ours.example/"},
    "ReplayWish": {"since": 1.0},
}
"""Of the others an empty object is one."""


def outcomes() -> dict[str, bytes]:
    """A Batch of theirs, and what became of it."""
    content = content_of(BATCH, OTHER, NOW, subject=SECRET, bag_size=500)
    done = Outcome(
        delivery=DELIVERY, recipient=READER, outcome=State.BOUNCED, at=NOW, code=550, text=SECRET
    )
    event = Event(delivery=DELIVERY, recipient=READER, kind="bounced", at=NOW, text=SECRET)
    return {
        keys.content(BATCH): msgspec.json.encode(content),
        keys.outcome_part(BATCH, 0, 0, 0): encode_lines([done]),
        keys.event(OTHER, NOW, BATCH): feedback.encode_lines([event]),
    }


@pytest.fixture(scope="module")
def desk() -> AdminDesk:
    desk = AdminDesk()
    for key, body in outcomes().items():
        desk.do(desk.store.put(key, body))
    for text in (SECRET, f"{SECRET}, again"):
        assert desk.call("PUT", f"{THEIRS}/templates/theirs", {"text": text}).status == 200
    selector = {"selector": "theirs", "algorithm": "ed25519-sha256"}
    assert desk.call("POST", f"{THEIRS}/dkim", selector).status == 201
    assert desk.call("PUT", f"{THEIRS}/suppressions/{READER}").status == 201
    return desk


@pytest.fixture(scope="module")
def names(desk: AdminDesk) -> dict[str, list[str]]:
    """Parameter of a path → what the other Domain has by that name."""
    webhook = desk.call("POST", f"{THEIRS}/webhooks", {"url": f"https://{SECRET}.example/"})
    api_key = desk.call("POST", f"{THEIRS}/keys", {"name": SECRET})
    return {
        "batch": [BATCH],
        "delivery": [DELIVERY],
        "address": [READER],
        "selector": ["theirs"],
        "webhook": [webhook.json["id"]],
        "id": [api_key.json["id"], "theirs"],
        "number": ["1"],
    }


def calls(
    desk: AdminDesk, names: dict[str, list[str]], domain: str
) -> Iterator[tuple[str, str, Any]]:
    """(method, path, body) of all that is about one Domain, with the other's names in it."""
    document = desk.call("GET", "/v1/openapi.json").json
    for path, methods in document["paths"].items():
        if "{domain}" not in path:
            continue
        wanted = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        unknown = set(wanted) - names.keys() - {"domain"}
        assert not unknown, f"say in this test what the other Domain has as {unknown}"
        choices = [names[name] if name != "domain" else [domain] for name in wanted]
        for chosen in itertools.product(*choices):
            filled = path
            for name, value in zip(wanted, chosen, strict=True):
                filled = filled.replace(f"{{{name}}}", value)
            for method, operation in methods.items():
                yield method.upper(), filled, _body(operation)


def _body(operation: Any) -> Any:
    if "requestBody" not in operation:
        return None
    model = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    return BODIES.get(model.rpartition("/")[2], {})


def of_others(desk: AdminDesk) -> dict[str, bytes]:
    """All objects but those of the Domain that calls."""
    return {key: desk.do(desk.store.get(key)).body for key in desk.keys("") if DOMAIN not in key}


def test_the_names_are_those_of_real_objects(desk: AdminDesk, names: dict[str, list[str]]) -> None:
    key = desk.api_key(OTHER, (ADMIN,))
    for method, path, body in calls(desk, names, OTHER):
        if method == "GET" and not (path.endswith("/keys/theirs") or "/templates/" in path):
            answer = desk.send(method, path, body, {"authorization": f"Bearer {key}"})
            assert answer.status == 200, (path, answer.json)


def test_at_no_endpoint_does_a_key_reach_an_object_of_another_domain(
    desk: AdminDesk, names: dict[str, list[str]]
) -> None:
    before = of_others(desk)
    assert any(SECRET.encode() in body for body in before.values())
    for method, path, body in calls(desk, names, DOMAIN):
        answer = desk.as_domain(method, path, body)
        assert answer.status < 500, (method, path, answer.json)
        assert SECRET not in str(answer.json), (method, path)
        assert of_others(desk) == before, (method, path)
