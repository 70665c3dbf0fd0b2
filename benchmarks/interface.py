"""All that the benchmarks know of Ekiden's outside: commands, environment, HTTP.

When Ekiden changes, change it here, or in `inside.py`.
"""

import base64
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import content
from benchmarks.loopback import HOST
from benchmarks.row import Unmeasured

PROGRAM = str(Path(sys.executable).with_name("ekiden"))
SERVE = (PROGRAM, "serve")
POD = (PROGRAM, "pod")
ADD_DOMAIN = (PROGRAM, "domain", "add", content.DOMAIN)
CREATE_KEY = (PROGRAM, "key", "create", content.DOMAIN, "--quiet")
"""The API key is the last line that it prints."""
USER = content.DOMAIN
"""Who logs in by SMTP; the password is the API key."""

BY_MX = "mx"
"""The route to each domain's own mail exchangers."""
NO_SWEEP = {"EKIDEN_SWEEP_INTERVAL": "1h"}
_SUBMIT_PATH = "/v1/batches"
_LONG_POLL_S = 30
_OFF, _ON = "off", "on"


def store_path(directory: Path) -> Path:
    return directory / "ekiden.db"


def file_store(directory: Path) -> str:
    """The URL of a store that is one file."""
    return f"sqlite:///{store_path(directory)}"


def route_to(port: int) -> str:
    """One server takes all mail."""
    return f"smtp://{HOST}:{port}"


def environment(directory: Path, http_port: int, sink_port: int) -> dict[str, str]:
    """The configuration of one Ekiden that keeps everything below `directory`."""
    return {
        "EKIDEN_STORE_URL": file_store(directory),
        "EKIDEN_HTTP_PORT": str(http_port),
        "EKIDEN_SEND_ROUTE": route_to(sink_port),
    }


def other_store(url: str) -> dict[str, str]:
    """Instead of the file below its directory."""
    return {"EKIDEN_STORE_URL": url}


def sender_environment(store_url: str, side_port: int, route: str) -> dict[str, str]:
    """`ekiden pod` as a sender alone. `route` is `smtp://host:port`, or `mx`."""
    return {
        "EKIDEN_STORE_URL": store_url,
        "EKIDEN_METRICS_PORT": str(side_port),
        "EKIDEN_SEND_ROUTE": route,
        "EKIDEN_SERVICES_SUBMISSION": _OFF,
        "EKIDEN_SERVICES_INBOUND": _OFF,
        "EKIDEN_SERVICES_BOUNCE": _OFF,
        "EKIDEN_LOG_LEVEL": "error",
    }


def asking(name_server_port: int, mx_port: int) -> dict[str, str]:
    """The one name server, and the port of all mail exchangers."""
    return {
        "EKIDEN_SEND_NAMESERVERS": f"{HOST}:{name_server_port}",
        "EKIDEN_SEND_MX_PORT": str(mx_port),
    }


def soon_taken_over() -> dict[str, str]:
    """After a crash the next process need not wait for long; and what is deferred comes soon."""
    return {
        "EKIDEN_SEND_LEASE_DURATION": "2s",
        "EKIDEN_SEND_RETRY_MIN": "1s",
        "EKIDEN_SEND_RETRY_BASE": "1s",
        "EKIDEN_SWEEP_INTERVAL": "1s",
    }


def submission_environment(
    directory: Path, side_port: int, port: int, certificate: Path
) -> dict[str, str]:
    """`ekiden pod` as a submission listener alone, with STARTTLS on `port`."""
    return {
        "EKIDEN_STORE_URL": file_store(directory),
        "EKIDEN_METRICS_PORT": str(side_port),
        "EKIDEN_SUBMISSION_HOST": HOST,
        "EKIDEN_SUBMISSION_PORT": str(port),
        "EKIDEN_SUBMISSION_TLS_PORT": "0",
        "EKIDEN_LISTEN_TLS_CERTIFICATE": str(certificate),
        "EKIDEN_SERVICES_INBOUND": _OFF,
        "EKIDEN_SERVICES_BOUNCE": _OFF,
        "EKIDEN_SERVICES_SEND": _OFF,
        "EKIDEN_SERVICES_SWEEP": _OFF,
        "EKIDEN_LOG_LEVEL": "error",
    }


def provision(environment: Mapping[str, str]) -> str:
    """Add the Domain; its new API key. Raises `Unmeasured`."""
    run(ADD_DOMAIN, environment)
    return run(CREATE_KEY, environment).splitlines()[-1]


def run(command: tuple[str, ...], environment: Mapping[str, str]) -> str:
    """What the command prints. Raises `Unmeasured` where it fails."""
    ran = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60
    )
    if ran.returncode:
        last = (ran.stderr or ran.stdout).strip().splitlines()[-1:]
        raise Unmeasured(f"{' '.join(command[1:])} failed: {' '.join(last)}")
    return ran.stdout


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
