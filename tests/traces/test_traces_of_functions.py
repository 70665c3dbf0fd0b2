"""Every stage as its own functions-framework process: still one trace, and none is lost at a stop.

The delay of the exporters is an hour: what comes in was sent at SIGTERM.
"""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread

import pytest
from function_processes import NAMES, TOKEN, Bucket, Function, MailServer, mail_server
from station import BATCH, DOMAIN
from trace_collector import Collector

from shared import keys, trace_ids
from shared.provision import add_api_key, add_domain

APP = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
PREFIXES = {stage: prefix for prefix, stage in keys.WORK.items()}
TWO = {
    **BATCH,
    "recipients": [*BATCH["recipients"], {**BATCH["recipients"][0], "email": "b@s.example"}],
}


@dataclass(frozen=True)
class World:
    functions: dict[str, Function]
    bucket: Bucket
    mail: MailServer
    api_key: str = ""

    def pass_on(self, name: str, **headers: str) -> list[int]:
        """Tell a function of all its work; what it answers."""
        function = self.functions[name]
        headers["authorization"] = f"Bearer {TOKEN}"
        return [
            function.ask("POST", "/", json.dumps({"key": key}).encode(), **headers).status
            for key in self.bucket.keys(PREFIXES[name])
        ]

    def stop(self) -> None:
        for function in self.functions.values():
            function.terminate()
            assert function.exit_status() == 0


@pytest.fixture
def world(tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")
    bucket = Bucket(f"sqlite:///{tmp_path}/store.db")
    with ExitStack() as stack:
        stack.callback(bucket.close)
        bucket.do(lambda store: add_domain(store, DOMAIN, ["ed25519-sha256"], time.time()))
        api_key = bucket.do(lambda store: add_api_key(store, DOMAIN, "test", time.time()))
        mail = stack.enter_context(mail_server())
        options = {
            "store_url": bucket.url,
            "events_token": TOKEN,
            "send_route": f"smtp://127.0.0.1:{mail.port}",
            "validate_bag_size": "1",
            "submit_max_recipients": "100",
        }
        functions = {name: Function(name, tmp_path, **options) for name in NAMES}
        for function in functions.values():
            stack.callback(function.kill)
        for function in functions.values():
            function.wait_until_it_lives()
        yield World(functions, bucket, mail, api_key)


def test_a_batch_is_one_trace_across_all_processes(world: World, collector: Collector) -> None:
    accepted = world.functions["submit"].ask(
        "POST",
        "/v1/batches",
        json.dumps(TWO).encode(),
        authorization=f"Bearer {world.api_key}",
        traceparent=f"00-{APP[0]}-{APP[1]}-01",
    )
    assert accepted.status == 202
    # A broker puts its own trace on every event: that must not tear ours apart.
    brokers = f"00-{'1' * 32}-{'2' * 16}-01"
    for name in ("validate", "dispatch", "send"):
        assert set(world.pass_on(name, traceparent=brokers)) == {204}
    assert len(world.mail.recipients()) == 2
    assert collector.spans == []
    world.stop()

    trace = trace_ids.of_batch(json.loads(accepted.body)["batch"])
    bag = ("dispatch", [("send", [])])
    assert collector.tree(trace) == [("submit", [("validate", [bag, bag])])]
    assert collector.the("submit").links == [APP]
    assert {span.name: span.service for span in collector.spans} == {
        name: f"ekiden-{name}" for name in NAMES if name != "bounce"
    }
    lines = [json.loads(line) for line in world.functions["send"].log.read_text().splitlines()]
    assert {line["trace_id"] for line in lines if "trace_id" in line} == {trace}


def test_what_is_in_flight_at_a_stop_is_traced_too(world: World, collector: Collector) -> None:
    world.bucket.put(f"inbox/{DOMAIN}/one.json", json.dumps(BATCH).encode())
    for name in ("submit", "validate", "dispatch"):
        assert world.pass_on(name) == [204]
    world.mail.may_answer.clear()
    answers: list[int] = []
    asking = Thread(target=lambda: answers.extend(world.pass_on("send")), daemon=True)
    asking.start()
    assert world.mail.asked.wait(20)  # the mail is on the wire
    world.functions["send"].terminate()
    world.mail.may_answer.set()
    asking.join(20)
    assert (answers, world.functions["send"].exit_status()) == ([204], 0)
    assert collector.the("send").attributes["ekiden.outcomes.delivered"] == 1


def test_functions_send_mail_while_the_collector_is_away(
    tmp_path: Path, world: World, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    world.bucket.put(f"inbox/{DOMAIN}/two.json", json.dumps(TWO).encode())
    for name in ("submit", "validate", "dispatch"):
        world.pass_on(name)
    options = {
        "store_url": world.bucket.url,
        "events_token": TOKEN,
        "send_route": f"smtp://127.0.0.1:{world.mail.port}",
    }
    deaf = Function("send", tmp_path, **options)
    try:
        deaf.wait_until_it_lives()
        alone = replace(world, functions={"send": deaf})
        assert alone.pass_on("send") == [204, 204]
        alone.stop()
    finally:
        deaf.kill()
    assert len(world.mail.recipients()) == 2
    assert collector.of("send") == []
    assert sum("traces may be lost" in line for line in deaf.log.read_text().splitlines()) <= 1
