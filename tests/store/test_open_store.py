"""One setting names the store."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from seaweed import Seaweed

from shared.errors import Misconfigured
from shared.store import Store, open_store
from shared.store.memory import MemoryStore
from shared.store.s3 import S3Store
from shared.store.sqlite import SqliteStore


async def round_trip(store: Store) -> bytes:
    await store.create("a/x", b"x")
    body = (await store.get("a/x")).body
    await store.close()
    return body


def test_three_slashes_name_a_relative_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert asyncio.run(round_trip(open_store("sqlite:///relative.db"))) == b"x"
    assert (tmp_path / "relative.db").exists()


def test_four_slashes_name_an_absolute_file(tmp_path: Path) -> None:
    assert asyncio.run(round_trip(open_store(f"sqlite:///{tmp_path}/a%20b.db"))) == b"x"
    assert (tmp_path / "a b.db").exists()


def test_memory_is_a_new_store_each_time() -> None:
    first, second = open_store("memory:"), open_store("memory:")
    assert isinstance(first, MemoryStore)
    assert first is not second


def test_a_bucket_is_reached_with_the_options_of_its_url(seaweed: Seaweed) -> None:
    assert asyncio.run(round_trip(open_store(seaweed.url("opened/one")))) == b"x"


def test_credentials_come_from_the_environment_if_not_from_the_url(
    seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", seaweed.secret_access_key)
    store = open_store(f"s3://{seaweed.bucket}/opened/two?endpoint={seaweed.endpoint}")
    assert asyncio.run(round_trip(store)) == b"x"


def test_nothing_is_opened_before_the_first_call(tmp_path: Path) -> None:
    assert isinstance(open_store(f"sqlite:///{tmp_path}/o.db"), SqliteStore)
    assert isinstance(open_store("s3://nowhere?endpoint=http://127.0.0.1:9"), S3Store)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x/y",
        "ekiden.db",
        "",
        "sqlite:",
        "sqlite://host/file.db",
        "sqlite:///file.db?mode=ro",
        "s3://",
        "s3://bucket?endpiont=http://127.0.0.1",
        "s3://bucket?endpoint=127.0.0.1:8333",
        "s3://bucket?access_key_id=only-half",
        "s3://[bucket",
    ],
)
def test_a_url_that_names_no_store_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match="store: "):
        open_store(url)


def test_only_the_chosen_store_is_imported() -> None:
    script = (
        "import sys\n"
        "import shared.store\n"
        "assert not {'sqlite3', 'obstore'} & set(sys.modules), 'by the package'\n"
        "shared.store.open_store('sqlite:///o.db')\n"
        "assert 'obstore' not in sys.modules, 'by sqlite'\n"
        "shared.store.open_store('s3://b')\n"
        "assert 'obstore' not in sys.modules, 'before the first call'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
