"""The servers that several files of this folder use."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from brokers import KEY_ID, SECRET, Moto, running_moto

for folder in ("events", "pod"):  # functions and commands as processes
    sys.path.append(str(Path(__file__).parents[1] / folder))


@pytest.fixture(scope="session")
def moto_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    with running_moto(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture
def aws(moto_server: Moto, monkeypatch: pytest.MonkeyPatch) -> Moto:
    """S3 and SQS with nothing in them, and credentials for boto3."""
    import urllib.request

    urllib.request.urlopen(f"{moto_server.endpoint}/moto-api/reset", data=b"").close()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    return moto_server
