"""What an API key is good for: a POST needs `send`, a GET `read`."""

import itertools

import msgspec
import pytest
from desk import BATCH, DOMAIN, Desk

from functions.submit.routes import _ROUTES
from shared import keys
from shared.domains import ADMIN, READ, SCOPES, SEND, new_api_key

CALLS = [(method, pattern.pattern) for pattern, methods in _ROUTES for method in methods]


def key_with(desk: Desk, *scopes: str) -> str:
    shown, record = new_api_key(DOMAIN, "test", desk.now, scopes=scopes)
    desk.do(desk.store.create(keys.api_key(DOMAIN, record.id), msgspec.json.encode(record)))
    return f"Bearer {shown}"


@pytest.mark.parametrize(
    ("call", "scopes"),
    [
        (call, scopes)
        for call in CALLS
        for size in range(4)
        for scopes in itertools.combinations(SCOPES, size)
    ],
)
def test_every_path_wants_its_scope(call: tuple[str, str], scopes: tuple[str, ...]) -> None:
    desk = Desk()
    batch = desk.submit(BATCH).json["batch"]
    before = desk.work()
    method, path = call[0], call[1].replace("([^/]+)", batch)
    good_for = {READ, ADMIN} if method == "GET" else {SEND}
    answer = desk.call(method, path, authorization=key_with(desk, *scopes))
    assert (answer.problem == "forbidden") == (not good_for & set(scopes)), answer.json
    assert (answer.status == 403) == (answer.problem == "forbidden")
    if answer.status == 403:
        assert desk.work() == before


def test_a_key_that_only_sends_cannot_read_what_it_sent() -> None:
    desk = Desk()
    key = key_with(desk, SEND)
    answer = desk.submit(BATCH, authorization=key)
    assert answer.status == 202
    place = f"/v1/batches/{answer.json['batch']}"
    assert desk.call("GET", place, authorization=key).problem == "forbidden"
    assert desk.call("GET", place, authorization=key_with(desk, READ)).status == 200
