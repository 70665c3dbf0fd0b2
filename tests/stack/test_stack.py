"""The distributed form for real: a bucket, a process for each function, the pod, events."""

import json
import os
import signal
import smtplib
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from email.message import EmailMessage
from pathlib import Path

import pytest
from watched import batch_to, bounce_of, done, got, put, read, running_with, sweep, until

from ekiden import demo
from ekiden.sink import Received, Sink
from infra.stack.parts import FUNCTIONS, ROOT, Ports
from infra.stack.seaweed import SeaweedUnavailable, running_seaweed
from infra.stack.stack import Stack, provision, running_stack

PATIENCE_S = 60


class Whole:
    """A running stack, and where its mail arrives."""

    def __init__(self, stack: Stack, sink: Sink) -> None:
        self.stack, self.sink = stack, sink
        self.api_key = provision(stack.store_url, demo.DOMAIN)
        self.client = stack.client(self.api_key)

    def mail_to(self, recipient: str) -> Received:
        """Waits for it."""
        return until(lambda: [e for e in self.sink.received if e.recipient == recipient])[0]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """Its sweep never comes, so that only events wake anybody."""
    with ExitStack() as opened:
        sink, port = opened.enter_context(demo.mail_server(None, keep=1000))
        options = {
            "EKIDEN_SEND_ROUTE": f"smtp://127.0.0.1:{port}",
            "EKIDEN_SWEEP_FORGOTTEN_AFTER": "1s",
        }
        folder = tmp_path_factory.mktemp("stack")
        try:
            stack = opened.enter_context(running_stack(folder, options, sweep_every_s=3600))
        except SeaweedUnavailable as reason:
            pytest.skip(f"no SeaweedFS: {reason}")
        yield Whole(stack, sink)


def test_a_batch_is_carried_by_events_alone(whole: Whole) -> None:
    batch = whole.client.submit(batch_to(120))["batch"]
    assert done(whole.client, batch, PATIENCE_S)["outcomes"] == {"delivered": 120}
    assert len({each.recipient for each in whole.sink.received}) == 120


def test_an_upload_becomes_a_batch(whole: Whole) -> None:
    body = batch_to(1) | {"recipients": [{"email": "by-upload@sink.example"}], "text": "Hello"}
    body["subject"] = "Hello"
    put(whole.stack.store_url, f"inbox/{demo.DOMAIN}/one.json", json.dumps(body).encode())
    assert whole.mail_to("by-upload@sink.example")


def test_an_app_sends_by_smtp_and_a_bounce_comes_back(whole: Whole) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "post@demo.example", "by-smtp@sink.example"
    message["Subject"] = "by SMTP"
    message.set_content("Hello.")
    ports = whole.stack.ports
    with smtplib.SMTP("127.0.0.1", ports.submission, timeout=PATIENCE_S) as app:
        app.starttls(context=ssl._create_unverified_context())  # the pod has signed it itself
        app.login(demo.DOMAIN, whole.api_key)
        app.send_message(message)
    return_path = whole.mail_to("by-smtp@sink.example").return_path
    with smtplib.SMTP("127.0.0.1", ports.inbound, timeout=PATIENCE_S) as other:
        other.sendmail("", [return_path], bounce_of("by-smtp@sink.example", return_path))
    batch = return_path.removeprefix("b-")[:26]
    store_url = whole.stack.store_url
    (late,) = until(lambda: [e for e in read(store_url, batch)[0] if e.outcome == "bounced"])
    assert (late.recipient, late.enhanced) == ("by-smtp@sink.example", "5.1.1")


def test_what_dies_is_started_again_and_the_sweep_finds_what_it_missed(whole: Whole) -> None:
    processes = whole.stack.processes
    before = processes.restarts
    processes.kill("validate")
    batch = whole.client.submit(batch_to(1))["batch"]
    until(lambda: processes.restarts > before)

    def delivered() -> bool:
        sweep(whole.stack.ports.url("sweep"))
        return whole.client.batch(batch)[0]["outcomes"] == {"delivered": 1}

    until(delivered)


def test_a_bucket_that_dies_is_started_again_with_what_it_had(tmp_path: Path) -> None:
    with running_seaweed(tmp_path) as bucket:
        put(bucket.url(), "inbox/a", b"kept")
        os.kill(running_with(f"dir={tmp_path}/data")[0], signal.SIGKILL)
        assert until(lambda: got(bucket.url(), "inbox/a")) == b"kept"
        with pytest.raises(SeaweedUnavailable, match="another one"), running_seaweed(tmp_path):
            pass
    with running_seaweed(tmp_path) as again:
        assert got(again.url(), "inbox/a") == b"kept"


def test_a_stack_that_is_killed_leaves_nothing_behind(tmp_path: Path) -> None:
    words = ["-m", "infra.stack", "--data", str(tmp_path), "--port", str(Ports.free().receiver)]
    with (tmp_path / "said").open("wb") as said:
        stack = subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=said, stderr=said)
    until(lambda: b"Ctrl-C" in (tmp_path / "said").read_bytes())
    assert running_with(f"{tmp_path}/bucket")
    assert len(running_with(f"{tmp_path}/run", "environ")) >= 2 * len(FUNCTIONS), "and workers"
    stack.kill()
    stack.wait()
    until(lambda: not running_with(f"{tmp_path}/bucket"))
    until(lambda: not running_with(f"{tmp_path}/run", "environ"))
