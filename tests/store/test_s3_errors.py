"""Every way in which a bucket can fail has one of our names."""

import asyncio

import pytest
from s3_loopback import answering
from seaweed import Seaweed

from shared.errors import (
    AlreadyExists,
    Changed,
    EkidenError,
    NotFound,
    StoreRefused,
    StoreUnavailable,
    Temporary,
)
from shared.store import s3
from shared.store.s3 import S3Store
from shared.store.s3_errors import BY_CLASS, translate

CALLS = {
    "get": lambda store: store.get("a/x"),
    "create": lambda store: store.create("a/x", b"1"),
    "replace": lambda store: store.replace("a/x", b"1", '"etag"'),
    "put": lambda store: store.put("a/x", b"1"),
    "delete": lambda store: store.delete("a/x", "a/y"),
    "list_page": lambda store: store.list_page("a/"),
}


@pytest.fixture(autouse=True)
def _no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "MAX_RETRIES", 0)


async def failure(store: S3Store, call: str) -> EkidenError:
    with pytest.raises(EkidenError) as caught:
        await CALLS[call](store)
    return caught.value


def store_at(endpoint: str) -> S3Store:
    return S3Store("b", endpoint=endpoint, access_key_id="k", secret_access_key="s")


def failures(status: int, body: bytes = b"") -> dict[str, type[EkidenError]]:
    """The class of error that each call raises when the server answers like this."""

    async def run() -> dict[str, type[EkidenError]]:
        async with answering(status, body) as endpoint:
            store = store_at(endpoint)
            return {call: type(await failure(store, call)) for call in CALLS}

    return asyncio.run(run())


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 507])
def test_a_status_that_may_pass_is_unavailable_in_every_call(status: int) -> None:
    assert failures(status) == dict.fromkeys(CALLS, StoreUnavailable)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 405, 411, 413, 501])
def test_a_status_that_lasts_is_refused_in_every_call(status: int) -> None:
    assert failures(status) == dict.fromkeys(CALLS, StoreRefused)


def test_a_missing_object_is_told_from_a_missing_bucket() -> None:
    missing_object = failures(404, b"<Error><Code>NoSuchKey</Code></Error>")
    assert missing_object["get"] is NotFound
    assert missing_object["replace"] is Changed
    missing_bucket = failures(404, b"<Error><Code>NoSuchBucket</Code></Error>")
    assert missing_bucket == dict.fromkeys(CALLS, StoreRefused)


def test_a_failed_condition_is_a_lost_race() -> None:
    failed = failures(412)
    assert (failed["create"], failed["replace"]) == (AlreadyExists, Changed)


def test_a_conflict_with_another_request_is_no_proof_that_the_object_exists() -> None:
    """AWS answers 409 when a delete came between; a stage must not take its output for written."""
    failed = failures(409, b"<Error><Code>ConditionalRequestConflict</Code></Error>")
    assert failed["create"] is StoreUnavailable


def test_a_slow_upload_that_s3_gave_up_on_is_unavailable() -> None:
    failed = failures(400, b"<Error><Code>RequestTimeout</Code></Error>")
    assert failed == dict.fromkeys(CALLS, StoreUnavailable)


def test_a_server_that_is_not_there_is_unavailable() -> None:
    async def run() -> EkidenError:
        async with answering(200) as endpoint:
            pass
        return await failure(store_at(endpoint), "create")

    assert isinstance(asyncio.run(run()), StoreUnavailable)


def test_a_key_that_no_path_can_be_made_of_is_refused() -> None:
    async def run() -> EkidenError:
        with pytest.raises(EkidenError) as caught:
            await store_at("http://127.0.0.1:9").get("a//../b")
        return caught.value

    assert isinstance(asyncio.run(run()), StoreRefused)


def test_wrong_credentials_are_refused_without_showing_them(seaweed: Seaweed) -> None:
    store = S3Store(
        seaweed.bucket,
        endpoint=seaweed.endpoint,
        access_key_id=seaweed.access_key_id,
        secret_access_key="not-the-secret",
    )
    error = asyncio.run(failure(store, "create"))
    assert isinstance(error, StoreRefused)
    assert "SignatureDoesNotMatch" in str(error)
    assert "not-the-secret" not in f"{error} {store!r} {vars(error)}"


# Completeness: an update of obstore that brings a new error fails here.


def test_every_exception_class_of_obstore_is_translated() -> None:
    import obstore.exceptions

    names = {
        name
        for name, value in vars(obstore.exceptions).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    builtins = {"FileNotFoundError", "ValueError"}
    assert "PreconditionError" in names
    assert set(BY_CLASS) == names | builtins


def test_what_a_retry_may_get_past_is_temporary_in_its_type() -> None:
    import obstore.exceptions

    for name in ("GenericError", "JoinError", "BaseError"):
        error = translate(getattr(obstore.exceptions, name)("x"), "a")
        assert isinstance(error, Temporary)


def test_a_key_that_must_not_be_deleted_is_refused() -> None:
    refused = (
        b"<DeleteResult><Error><Key>a/x</Key><Code>AccessDenied</Code>"
        b"<Message>no</Message></Error></DeleteResult>"
    )

    async def run() -> EkidenError:
        async with answering(200, refused) as endpoint:
            return await failure(store_at(endpoint), "delete")

    assert isinstance(asyncio.run(run()), StoreRefused)
