"""The same over LocalStack, whose SQS is another program than moto's.

It needs Python 3.13 and half a gigabyte, so it is not installed with the tests. Version 2026.3.0
runs with `pip install "localstack-core[runtime]==2026.3.0" "pyopenssl==25.0.0" "cryptography<45"
"cbor2<6" service-identity`; `LOCALSTACK_PYTHON` names that interpreter if it is not the one that
runs the tests.
"""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from brokers import KEY_ID, SECRET, Moto, kill, start, wait_for
from feeding import AT_ONCE, KEY, HandStage, fed, run, until
from free_ports import free_port

from ekiden.sources.sqs import SqsSource
from shared.store import open_store

PYTHON = os.environ.get("LOCALSTACK_PYTHON", sys.executable)
CHECK = "import sys, localstack.runtime.main; sys.exit(sys.version_info < (3, 13))"


@pytest.fixture
def localstack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Moto]:
    found = subprocess.run([PYTHON, "-c", CHECK], capture_output=True, check=False, cwd=tmp_path)
    if found.returncode:
        pytest.skip(f"no LocalStack on Python 3.13 at {PYTHON} (LOCALSTACK_PYTHON)")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    port, log = free_port(), tmp_path / "localstack.log"
    process = start(
        [PYTHON, "-m", "localstack.runtime.main"],
        log,
        GATEWAY_LISTEN=f"127.0.0.1:{port}",
        LOCALSTACK_HOST=f"127.0.0.1:{port}",
        FILESYSTEM_ROOT=str(tmp_path / "localstack"),
        SERVICES="s3,sqs",
        DISABLE_EVENTS="1",
        SKIP_SSL_CERT_DOWNLOAD="1",
    )
    server = Moto(f"http://127.0.0.1:{port}")
    try:
        health = f"{server.endpoint}/_localstack/health"
        wait_for(process, log, lambda: urllib.request.urlopen(health).close())
        yield server
    finally:
        kill(process)


def test_a_put_is_told_comes_again_and_is_deleted_when_it_is_done(localstack: Moto) -> None:
    async def story() -> None:
        queue = localstack.queue()
        localstack.notify(queue)
        stage = HandStage()
        intake = stage.intake()
        async with fed(intake, SqsSource(intake, queue, localstack.endpoint)):
            store = open_store(localstack.store_url)
            await store.put(KEY, b"{}")
            await stage.begun(KEY)
            stage.end(KEY, AT_ONCE)
            await stage.given_times(2)
            await until(lambda: localstack.left(queue) == 1)
            stage.end(KEY)
            await until(lambda: localstack.left(queue) == 0)
            await store.close()

    run(story)
