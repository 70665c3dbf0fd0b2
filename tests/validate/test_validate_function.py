"""validate as a function: a real functions-framework process over a SQLite file that we share."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from desk import BATCH, Desk
from free_ports import free_port

from shared import keys
from shared.store.sqlite import SqliteStore

ROOT = Path(__file__).parents[2]
READY_WITHIN_S = 20


class Function:
    """A running function, and what it answers."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process, self.port = process, port

    def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while self.process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError):
                self.ask("GET", "/healthz")
                return
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=0.05)  # the time between two tries, unless it ends
        raise AssertionError(f"the function did not start: {self.process.poll()}")


@contextmanager
def running_function(name: str, store_url: str) -> Iterator[Function]:
    port = free_port()
    # An option that it does not know, as a variable for tests alone, would keep it from starting.
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("EKIDEN_")}
    process = subprocess.Popen(
        [
            *(Path(sys.executable).parent / "functions-framework-python", "--asgi"),
            *("--target", name, "--source", ROOT / "functions" / name / "main.py"),
            *("--host", "127.0.0.1", "--port", str(port)),
        ],
        env={**inherited, "EKIDEN_STORE_URL": store_url, "PYTHONPATH": str(ROOT), "WORKERS": "1"},
        start_new_session=True,  # gunicorn's workers end with it
    )
    try:
        function = Function(process, port)
        function.wait_until_ready()
        yield function
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_validate_answers_events_as_a_broker_understands_them(tmp_path: Path) -> None:
    path = tmp_path / "ekiden.db"
    desk = Desk(store=SqliteStore(path))
    desk.now = 1_700_000_000  # the function's clock is the real one: this is due
    batch = desk.submit(BATCH).json["batch"]
    event = json.dumps({"key": keys.submitted(batch)}).encode()
    with running_function("validate", f"sqlite:///{path}") as function:
        for health in ("/healthz", "/_/health", "/_/ready"):
            assert function.ask("GET", health)[0] == 200
        assert function.ask("POST", "/", b"hello")[0] == 400
        assert function.ask("POST", "/", event) == (204, b"")
        assert desk.work() == [keys.content(batch), keys.validated(batch, 0)]
        assert function.ask("POST", "/", event) == (204, b"")  # it comes once more
        assert desk.work() == [keys.content(batch), keys.validated(batch, 0)]
    desk.do(desk.store.close())


def test_submit_is_the_api_and_the_inbox_at_once(tmp_path: Path) -> None:
    path = tmp_path / "ekiden.db"
    desk = Desk(store=SqliteStore(path))
    uploaded = f"inbox/{desk.domain}/one.json"
    desk.do(desk.store.put(uploaded, json.dumps(BATCH).encode()))
    with running_function("submit", f"sqlite:///{path}") as function:
        status, body = function.ask("POST", "/v1/batches", b"{}")
        assert (status, json.loads(body)["status"]) == (401, 401)
        assert function.ask("POST", "/", json.dumps({"key": uploaded}).encode()) == (204, b"")
        assert [key.partition("/")[0] for key in desk.work()] == ["submitted"]
    desk.do(desk.store.close())
