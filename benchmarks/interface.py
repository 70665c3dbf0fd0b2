"""All that the benchmarks know of Ekiden's outside. When Ekiden changes, change it here."""

import base64
import http.client
import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import content
from benchmarks.loopback import HOST
from benchmarks.row import Unmeasured

PROGRAM = str(Path(sys.executable).with_name("ekiden"))
SERVE = (PROGRAM, "serve")
ADD_DOMAIN = (PROGRAM, "domain", "add", content.DOMAIN)
CREATE_KEY = (PROGRAM, "key", "create", content.DOMAIN, "--quiet")
"""The API key is the last line that it prints."""

_SUBMIT_PATH = "/v1/batches"
_LONG_POLL_S = 30


def environment(directory: Path, http_port: int, sink_port: int) -> dict[str, str]:
    """The configuration of one Ekiden that keeps everything below `directory`."""
    return {
        "EKIDEN_STORE_URL": f"sqlite:///{directory}/ekiden.db",
        "EKIDEN_HTTP_PORT": str(http_port),
        "EKIDEN_SEND_ROUTE": f"smtp://{HOST}:{sink_port}",
    }


def requests_counted(port: int) -> int:
    """Requests to the store since `serve` started. The question itself costs none."""
    return sum(_ready(port)["store_requests"].values())


def is_idle(port: int) -> bool:
    """Whether no work is queued or running."""
    return not _ready(port)["open_work"]


def _ready(port: int) -> dict[str, Any]:
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        connection.request("GET", "/readyz")
        return dict(json.loads(connection.getresponse().read()))
    finally:
        connection.close()


def batch_body(recipients: list[dict[str, object]]) -> bytes:
    """What is posted to submit one Batch."""
    request = {
        "sender": {"email": content.SENDER},
        "subject": content.SUBJECT,
        "html": content.html(),
        "recipients": recipients,
    }
    return json.dumps(request).encode()


def submit_bytes(key: str, body: bytes) -> bytes:
    """A whole HTTP/1.1 request that submits this body and keeps the connection."""
    lines = [
        f"POST {_SUBMIT_PATH} HTTP/1.1",
        f"Host: {HOST}",
        f"Authorization: {_credentials(key)}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _credentials(key: str) -> str:
    return "Basic " + base64.b64encode(f"{content.DOMAIN}:{key}".encode()).decode()


class Client:
    """Submits and reads back over one kept connection."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=120)
        self._headers = {"Authorization": _credentials(key), "Content-Type": "application/json"}

    def submit(self, body: bytes) -> str:
        """Submit a Batch; its id. Raises `Unmeasured` with the answer when it is refused."""
        return str(self._ask("POST", _SUBMIT_PATH, body)["batch"])

    def wait_until_done(self, batch: str, timeout_s: float) -> dict[str, int]:
        """The Outcomes, when all are final. Raises `TimeoutError`."""
        deadline = time.monotonic() + timeout_s
        while True:
            answer = self._ask("GET", f"{_SUBMIT_PATH}/{batch}", prefer=f"wait={_LONG_POLL_S}")
            if answer["done"]:
                return dict(answer["outcomes"])
            if time.monotonic() > deadline:
                raise TimeoutError(f"not done: {answer['outcomes']}")

    def _ask(self, method: str, path: str, body: bytes = b"", prefer: str = "") -> dict[str, Any]:
        headers = {**self._headers, "Prefer": prefer} if prefer else self._headers
        self._connection.request(method, path, body or None, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status not in (200, 202):
            raise Unmeasured(f"{method} {path}: {answer.status} {text[:200].decode()}")
        return dict(json.loads(text))

    def close(self) -> None:
        self._connection.close()
