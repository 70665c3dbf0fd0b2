"""Every function under functions-framework, as a platform runs it; the last tests end them."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import pytest
from event_samples import sample
from function_processes import NAMES, TOKEN, Bucket, Function, HalfSent, MailServer, mail_server

from shared import keys
from shared.ids import batch_id
from shared.inbound import Inbound, encode
from shared.outcome import decode_lines
from shared.provision import add_domain

DOMAIN = "example.org"
PREFIXES = {stage: prefix for prefix, stage in keys.WORK.items()}
INBOUND = batch_id(1_795_273_200.0, bytes(10))
GARBAGE = b"{garbage"
UPLOAD = f"inbox/{DOMAIN}/three.json"
THREE: dict[str, Any] = {
    "sender": {"email": f"news@{DOMAIN}"},
    "subject": "To {{ name }}",
    "text": "Hello",
    "recipients": [
        {"email": f"{name}@sink.example", "fields": {"name": name}}
        for name in ("ann", "bob", "eve")
    ],
}
ONE = {**THREE, "recipients": THREE["recipients"][:1]}
LETTER = Inbound(
    "reader@sink.example",
    [f"postmaster@{DOMAIN}"],
    b"Received: from mx by us; Sat, 21 Nov 2026 15:00:00 +0000\r\n"
    b"From: reader@sink.example\r\nSubject: a question\r\n\r\nWho are you?\r\n",
)


@dataclass(frozen=True)
class World:
    functions: dict[str, Function]
    spare_sends: list[Function]
    """To be stopped in the middle of something."""
    bucket: Bucket
    mail: MailServer


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("functions")
    bucket = Bucket(f"sqlite:///{folder}/store.db")
    with ExitStack() as stack:
        stack.callback(bucket.close)
        bucket.do(lambda store: add_domain(store, DOMAIN, ["ed25519-sha256"], time.time()))
        mail = stack.enter_context(mail_server())
        options = {
            "store_url": bucket.url,
            "events_token": TOKEN,
            "send_route": f"smtp://127.0.0.1:{mail.port}",
            "send_max_connections_per_destination": "1",
        }
        started = [Function(name, folder, **options) for name in (*NAMES, "send", "send")]
        for function in started:
            stack.callback(function.kill)
        for function in started:
            function.wait_until_it_lives()
        *named, second, third = started
        yield World(dict(zip(NAMES, named, strict=True)), [second, third], bucket, mail)


@pytest.fixture(params=NAMES)
def function(request: pytest.FixtureRequest, world: World) -> Function:
    return world.functions[request.param]


def naming(key: str) -> bytes:
    return json.dumps({"key": key}).encode()


def work_key(function: Function, name: str) -> str:
    key = f"{PREFIXES[function.name]}{name}"
    return keys.put_back(key, 0, GARBAGE) if function.name == "submit" else key


def where(world: World, key: str) -> list[str]:
    """The keys at which this work object is: its own, or below `failed/`."""
    found = world.bucket.keys(*keys.WORK, keys.FAILED)
    return [each for each in found if key in each]


@pytest.mark.parametrize("path", ["/healthz", "/_/health", "/readyz", "/_/ready"])
def test_health_is_told_without_a_token(path: str, function: Function) -> None:
    answer = function.ask("GET", path)
    assert answer.status == 200
    assert "ok" in json.loads(answer.body).values()


def test_work_that_is_gone_is_done_however_often_an_event_comes(function: Function) -> None:
    event = naming(work_key(function, "gone"))
    assert [function.tell(event), function.tell(event)] == [204, 204]


def test_nonsense_is_answered_400(function: Function) -> None:
    for nonsense in (b"", b"{}", b"\x00\xff", b"[[[["):
        assert function.tell(nonsense) == 400


def test_an_event_for_another_prefix_is_answered_204_with_an_empty_body(function: Function) -> None:
    for key in ("batches/x/content.json", "elsewhere/x", f"{PREFIXES[function.name]}folder/"):
        answer = function.ask("POST", "/", naming(key), authorization=f"Bearer {TOKEN}")
        assert (answer.status, answer.body) == (204, b"")


def test_a_wrong_token_is_answered_401(function: Function) -> None:
    event = naming(work_key(function, "gone"))
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"}):
        assert function.ask("POST", "/", event, **headers).status == 401


def test_only_post_brings_events(function: Function) -> None:
    for method in ("GET", "HEAD", "PUT"):
        answer = function.ask(method, "/")
        assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_an_event_that_is_too_large_is_answered_413(function: Function) -> None:
    assert function.tell(b" " * (1024 * 1024 + 1)) == 413


def test_what_cannot_be_read_goes_to_failed_and_stops_nobody(
    function: Function, world: World
) -> None:
    key = work_key(function, "01hf7yat00zzzzzzzzzzzzzzzz/0000.000.garbage")
    world.bucket.put(key, GARBAGE)
    assert function.tell(naming(key)) == 204
    assert where(world, key) == [keys.failed(function.name, key)]


def test_a_function_logs_one_json_object_a_line(function: Function) -> None:
    key = work_key(function, "logged")
    function.tell(naming(key))
    lines = [json.loads(line) for line in function.log.read_text().splitlines()]
    [line] = [line for line in lines if line.get("key") == key]
    assert (line["stage"], line["level"], line["status"]) == (function.name, "info", 204)
    assert len(line["trace_id"]) == 32


def test_a_message_goes_through_all_functions_by_their_events(world: World) -> None:
    world.bucket.put(UPLOAD, json.dumps(ONE).encode())
    for name in ("submit", "validate", "dispatch", "send"):
        [key] = world.bucket.keys(PREFIXES[name])
        assert world.functions[name].tell(naming(key)) == 204
        assert world.bucket.keys(PREFIXES[name]) == []
        assert world.functions[name].tell(naming(key)) == 204  # the same event again
    assert world.bucket.keys(*keys.WORK, keys.LEASES) == []
    assert world.mail.recipients() == ["ann@sink.example"]


def test_mail_that_comes_back_is_taken_by_bounce(world: World) -> None:
    world.bucket.put(keys.inbound(INBOUND), encode(LETTER))
    assert world.functions["bounce"].tell(naming(keys.inbound(INBOUND))) == 204
    assert world.bucket.keys("inbound/") == []
    assert world.bucket.keys("received/") == [keys.received(DOMAIN, INBOUND)]


def ready_bag(world: World, batch: dict[str, Any]) -> str:
    """Upload a Batch, and let it come as far as to its Bag of Envelopes."""
    world.mail.sink.received.clear()
    world.bucket.put(UPLOAD, json.dumps(batch).encode())
    for name in ("submit", "validate", "dispatch"):
        [key] = world.bucket.keys(PREFIXES[name])
        assert world.functions[name].tell(naming(key)) == 204
    [bag] = world.bucket.keys(PREFIXES["send"])
    world.mail.asked.clear()
    world.mail.may_answer.clear()
    return bag


def test_stopped_in_the_middle_of_a_bag_send_gives_back_what_it_has_not_begun(
    world: World,
) -> None:
    bag = ready_bag(world, THREE)
    send = world.spare_sends[0]
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(send.tell(naming(bag))), daemon=True)
    asking.start()
    assert world.mail.asked.wait(20)  # the first mail is on the wire
    send.terminate()
    world.mail.may_answer.set()
    asking.join(20)
    assert (answers, send.exit_status()) == ([409], 0)
    assert len(world.mail.recipients()) == 1
    assert world.bucket.keys(PREFIXES["send"], keys.LEASES) == [bag]

    assert world.functions["send"].tell(naming(bag)) == 204
    assert world.mail.recipients() == [row["email"] for row in THREE["recipients"]]
    assert world.bucket.keys(*keys.WORK, keys.LEASES) == []
    batch = keys.parse_dispatched(bag)[0]
    parts = [world.bucket.body(key) for key in world.bucket.keys(keys.outcomes(batch))]
    outcomes = [outcome for part in parts for outcome in decode_lines(part)]
    assert [(each.outcome, each.ambiguous) for each in outcomes] == [("delivered", False)] * 3


def test_work_that_goes_on_behind_an_early_answer_is_finished_before_the_function_ends(
    world: World,
) -> None:
    bag = ready_bag(world, ONE)
    send = world.spare_sends[1]
    from_minio = sample("minio_webhook_put").body.replace(
        b"validated%2F01hf7yat00zzzzzzzzzzzzzzzz%2F0000.json", quote_plus(bag).encode()
    )
    assert send.tell(from_minio) == 202
    assert world.mail.asked.wait(20)
    send.terminate()
    world.mail.may_answer.set()
    assert send.exit_status() == 0
    assert world.mail.recipients() == ["ann@sink.example"]
    assert world.bucket.keys(*keys.WORK, keys.LEASES) == []


def test_a_request_in_flight_is_finished_before_a_stopped_function_ends(
    function: Function, world: World
) -> None:
    key = work_key(function, "01hf7yat00zzzzzzzzzzzzzzzz/0001.000.in-flight")
    world.bucket.put(key, GARBAGE)
    request = HalfSent(function, naming(key))
    function.terminate()
    assert request.finish() == 204
    assert function.exit_status() == 0
    assert where(world, key) == [keys.failed(function.name, key)]
