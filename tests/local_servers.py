"""moto as AWS, and JuiceFS's gateway as MinIO: processes on the loopback."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from free_ports import free_port

BIN = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
KEY_ID, SECRET = "ekiden-test", "ekiden-test-secret"
READY_WITHIN_S = 30


def command(name: str) -> str:
    """Where it is; skips the test where it is not."""
    found = shutil.which(name, path=BIN)
    if found is None:
        pytest.skip(f"there is no `{name}`; pip install the dev dependencies")
    return found


def url(endpoint: str, bucket: str = "ekiden", prefix: str = "") -> str:
    return (
        f"s3://{bucket}/{prefix}?endpoint={endpoint}"
        f"&access_key_id={KEY_ID}&secret_access_key={SECRET}"
    )


@contextmanager
def running_moto(folder: Path) -> Iterator[str]:
    """Its endpoint: S3 and SQS in memory, without authentication."""
    port = free_port()
    words = [command("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with _process(words, folder / "moto.log", {}, port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def running_gateway(folder: Path, targets: dict[str, str]) -> Iterator[str]:
    """Its endpoint: MinIO's code over a file system; `targets` are names and URLs of webhooks."""
    juicefs, port, meta = command("juicefs"), free_port(), f"badger://{folder}/meta"
    settings = {"MINIO_ROOT_USER": KEY_ID, "MINIO_ROOT_PASSWORD": SECRET, "HOME": str(folder)}
    for name, target in targets.items():
        settings[f"MINIO_NOTIFY_WEBHOOK_ENABLE_{name}"] = "on"
        settings[f"MINIO_NOTIFY_WEBHOOK_ENDPOINT_{name}"] = target
    subprocess.run(
        [juicefs, "format", "--storage=file", f"--bucket={folder}/data", meta, "ekiden"],
        check=True,
        capture_output=True,
        timeout=60,
        env=_environment(settings),
    )
    words = [juicefs, "gateway", "--no-banner", f"--log={folder}/log", meta, f"127.0.0.1:{port}"]
    with _process(words, folder / "gateway.log", settings, port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _process(
    words: list[str], log: Path, settings: dict[str, str], port: int
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            words, stdout=out, stderr=subprocess.STDOUT, env=_environment(settings)
        )
    try:
        _wait(process, port, log)
        yield process
    finally:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)  # the time between two tries, unless it ends
    pytest.fail(f"{process.args!r} is not ready: {log.read_text()[-500:]}")


def _environment(settings: dict[str, str]) -> dict[str, str]:
    ours = {
        name: value for name, value in os.environ.items() if not name.startswith(("EKIDEN_", "AWS"))
    }
    return {**ours, **settings}
