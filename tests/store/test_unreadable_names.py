"""Names in a bucket that no S3 client of ours can read: whoever may write there can put them."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from local_servers import KEY_ID, SECRET, running_moto
from s3_loopback import answering
from seaweed import Seaweed

from shared.errors import EkidenError, NotFound, StoreRefused, StoreUnavailable
from shared.key_form import is_possible, is_readable
from shared.store import list_all
from shared.store.s3 import S3Store
from shared.store.s3_sieve import Sieve

UNREADABLE = ["\tx", "0001\r", "00/\x7f.x", "d//x", "../y", "x/.", "/lead", "d/\x01"]
BY_SEAWEEDFS = ["\tx", "0001\r", "a\nb", "00/\x7f.x"]
"""The others of these names it refuses, or it stores them under a readable one."""
KEPT = [f"inbox/{number:04d}" for number in range(30)]
ODD = ["a b", "%0a", "%2e%2e", "q?x#y", "é", "\u202e", "\x85", "a^b{`}", "+", "*", "...", "a..b"]


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_moto(tmp_path_factory.mktemp("moto")) as endpoint:
        yield endpoint


def client(endpoint: str, key_id: str, secret: str) -> Any:
    import boto3.session

    credentials = {"aws_access_key_id": key_id, "aws_secret_access_key": secret}
    session = boto3.session.Session()
    return session.client("s3", endpoint_url=endpoint, region_name="us-east-1", **credentials)


def store_on_moto(endpoint: str, bucket: str, prefix: str, unreadable: list[str]) -> S3Store:
    other = client(endpoint, KEY_ID, SECRET)
    other.create_bucket(Bucket=bucket)
    for name in [each.removeprefix("inbox/") for each in KEPT] + unreadable:
        other.put_object(Bucket=bucket, Key=f"{prefix}inbox/{name}", Body=b"x")
    return S3Store(
        bucket,
        endpoint=endpoint,
        access_key_id=KEY_ID,
        secret_access_key=SECRET,
        prefix=prefix or None,
    )


def listed(store: S3Store, prefix: str) -> list[str]:
    async def read() -> list[str]:
        return [entry.key async for entry in list_all(store, prefix)]

    return asyncio.run(read())


@pytest.mark.parametrize("prefix", ["", "ekiden/eu/"])
def test_they_hide_nothing_and_are_named_in_the_log_once(
    moto: str, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = store_on_moto(moto, f"names{len(prefix)}", prefix, UNREADABLE)
    assert listed(store, "inbox/") == listed(store, "inbox/") == KEPT
    assert store.passed_over == {f"inbox/{name}" for name in UNREADABLE}
    (record,) = caplog.records
    assert "8 objects below inbox/" in record.getMessage()
    assert "'inbox/../y'" in record.getMessage()


def test_a_page_holds_what_was_asked_for_all_the_same(moto: str) -> None:
    store = store_on_moto(moto, "pages", "", [*UNREADABLE, "0004\t", "folder/"])

    async def page(prefix: str, after: str, limit: int) -> list[str]:
        return [entry.key for entry in await store.list_page(prefix, after, limit)]

    async def story() -> None:
        assert await page("inbox/", "", 3) == KEPT[:3]
        assert await page("inbox/", KEPT[3], 2) == KEPT[4:6]
        assert await page("inbox/000", KEPT[3], 1000) == KEPT[4:10]
        assert await page("inbox/0004", "", 9) == []
        assert await page("inbox/", KEPT[-1], 9) == []

    asyncio.run(story())


def test_on_seaweedfs_they_hide_nothing_either(seaweed: Seaweed) -> None:
    key_id, secret = seaweed.access_key_id, seaweed.secret_access_key
    other = client(seaweed.endpoint, key_id, secret)
    for name in [*BY_SEAWEEDFS, "0000", "0001"]:
        other.put_object(Bucket=seaweed.bucket, Key=f"names/inbox/{name}", Body=b"x")
    store = seaweed_store(seaweed, "names")
    assert listed(store, "inbox/") == KEPT[:2]
    assert store.passed_over == {f"inbox/{name}" for name in BY_SEAWEEDFS}


def seaweed_store(seaweed: Seaweed, prefix: str) -> S3Store:
    return S3Store(
        seaweed.bucket,
        endpoint=seaweed.endpoint,
        access_key_id=seaweed.access_key_id,
        secret_access_key=seaweed.secret_access_key,
        prefix=prefix,
    )


def test_a_folder_s_marker_ends_no_listing(seaweed: Seaweed) -> None:
    """A console's "new folder" puts one; it is in the first page, and no work."""
    other = client(seaweed.endpoint, seaweed.access_key_id, seaweed.secret_access_key)
    other.put_object(Bucket=seaweed.bucket, Key="marked/inbox/", Body=b"")
    store = seaweed_store(seaweed, "marked")
    names = [f"inbox/{number:04d}" for number in range(1100)]

    async def story() -> None:
        for start in range(0, len(names), 50):
            await asyncio.gather(*(store.put(key, b"x") for key in names[start : start + 50]))
        assert [entry.key for entry in await store.list_page("inbox/", limit=1)] == names[:1]
        assert [entry.key async for entry in list_all(store, "inbox/")] == names

    asyncio.run(story())


@pytest.mark.parametrize(
    ("status", "kind"), [(403, StoreRefused), (404, StoreRefused), (503, StoreUnavailable)]
)
def test_a_listing_past_them_fails_as_any_other(status: int, kind: type[EkidenError]) -> None:
    async def story() -> None:
        async with answering(status) as endpoint:
            with pytest.raises(kind):
                await Sieve(config(endpoint), None).page("inbox/", "", 1000)

    asyncio.run(story())


def test_a_server_that_is_gone_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable):
        asyncio.run(Sieve(config("http://127.0.0.1:1"), None).page("inbox/", "", 1000))


def config(endpoint: str) -> Any:
    return {
        "bucket": "b",
        "region": "us-east-1",
        "endpoint": endpoint,
        "access_key_id": "k",
        "secret_access_key": "s",
    }


@pytest.mark.parametrize("name", [*UNREADABLE, *BY_SEAWEEDFS, "\ud800", "", ".."])
def test_what_is_unreadable_is_told_by_its_form(name: str) -> None:
    assert not is_readable(f"inbox/{name}")
    assert not is_possible(f"inbox/{name}")


@pytest.mark.parametrize("name", ODD)
def test_what_is_only_odd_is_a_key(name: str) -> None:
    assert is_possible(f"inbox/{name}/{name}.json")


def test_every_possible_key_gets_an_answer_from_seaweedfs(seaweed: Seaweed) -> None:
    """Else its event would come again for ever."""
    store = seaweed_store(seaweed, "odd")
    longest = "/".join(["n" * 250] * 4)[: 1024 - len("odd/inbox/")]

    async def story() -> None:
        for name in [*ODD, "a\\b", longest, "n" * 400]:
            assert is_possible(f"inbox/{name}")
            with pytest.raises(NotFound):
                await store.get(f"inbox/{name}")

    asyncio.run(story())


@pytest.mark.parametrize("name", ["..\\x", "a\\..\\x", "x\\.", "é" * 600, "n" * 1020])
def test_what_some_store_refuses_to_look_for_is_impossible(name: str) -> None:
    assert not is_possible(f"inbox/{name}")
