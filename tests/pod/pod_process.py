"""A real `ekiden pod`, its ports, and the command `ekiden` beside it."""

import asyncio
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import uvicorn
from free_ports import free_port

from ekiden.asgi import application, at_most
from ekiden.side import SidePort
from ekiden.station import Station

START_WITHIN_S = 20


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def get(port: int, path: str) -> tuple[int, bytes]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        client.request("GET", path)
        answer = client.getresponse()
        return answer.status, answer.read()
    finally:
        client.close()


def ekiden(*words: str, **options: str) -> subprocess.CompletedProcess[str]:
    """The command, as an operator types it; options as in the environment, without EKIDEN_."""
    given = {f"EKIDEN_{name.upper()}": text for name, text in options.items()}
    return subprocess.run(
        [sys.executable, "-m", "ekiden", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200", **given},
    )


class Pod:
    """One `ekiden pod`: listeners and side port on the loopback."""

    def __init__(self, store_url: str, **options: str) -> None:
        self.side, self.inbound, self.submission = free_port(), free_port(), free_port()
        given = {
            "store_url": store_url,
            "metrics_port": str(self.side),
            "inbound_host": "127.0.0.1",
            "inbound_port": str(self.inbound),
            "submission_host": "127.0.0.1",
            "submission_port": str(self.submission),
            "submission_tls_port": "0",
            "send_hostname": "pod.invalid",
            "log_level": "info",
            **options,
        }
        inherited = {name: text for name, text in os.environ.items() if name[:7] != "EKIDEN_"}
        ours = {f"EKIDEN_{name.upper()}": text for name, text in given.items()}
        command = [sys.executable, "-m", "ekiden", "pod"]
        self._process = subprocess.Popen(
            command, env=inherited | ours, stderr=subprocess.PIPE, text=True
        )
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr
        self.said += self._process.stderr

    def ready(self) -> None:
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError):
                if get(self.side, "/healthz")[0] == 200:
                    return
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.02)
        raise AssertionError(f"the pod does not answer: {self.said}")

    def json(self, path: str) -> Any:
        return json.loads(get(self.side, path)[1])

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self._process.terminate()
        status = self._process.wait(60)
        self._reader.join()
        return status

    def kill(self) -> None:
        """If it is still there."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)


@asynccontextmanager
async def side_port(station: Station) -> AsyncIterator[int]:
    """The side port of a Station in this process."""
    server = uvicorn.Server(
        uvicorn.Config(
            application(SidePort(station).handle, at_most(1000)),
            log_config=None,
            access_log=False,
            lifespan="off",
        )
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve([listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await serving
