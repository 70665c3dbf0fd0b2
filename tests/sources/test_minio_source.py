"""MinIO's own notification code, in JuiceFS's gateway: by its webhook, and listened to."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from brokers import WEBHOOK_TOKEN, Gateway, running_gateway
from feed_process import FeedProcess
from feeding import AGAIN, KEY, HandStage, fed, run, until
from free_ports import free_port
from function_processes import TOKEN, Bucket, Function

from ekiden.sources.intake import Intake
from ekiden.sources.listing import ListingSource
from ekiden.sources.minio import Listened, MinioSource, listened
from shared.errors import Misconfigured
from shared.store import open_store
from shared.store.base import Store

ODD = "inbox/example.org/Grüße + 100%.json"
FAILING = "submitted/01hf7yat00zzzzzzzzzzzzzzzz.json"
"""With a body that is no Batch: the stage moves it to `failed/`, and that is an answer, too."""


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with running_gateway(tmp_path) as server:
        yield server


def source(intake: Intake, stage: HandStage, gateway: Gateway, store: Store) -> MinioSource:
    listing = ListingSource(intake, stage.delivery, store)
    return MinioSource(intake, listened(gateway.store_url), listing)


def test_a_put_is_heard_at_once(gateway: Gateway) -> None:
    async def story() -> None:
        stage = HandStage()
        intake = stage.intake()
        store = open_store(gateway.store_url)
        async with fed(intake, source(intake, stage, gateway, store)):
            await until(lambda: intake.state == "ok")
            for key in (KEY, ODD):
                await asyncio.to_thread(gateway.put, key)
            await stage.begun(KEY, ODD)
            assert not intake.counts["done"]
            stage.end(KEY)
            stage.end(ODD, AGAIN)
            await asyncio.to_thread(gateway.put, "batches/b/content.json")
            await until(lambda: intake.counts["again"] and intake.counts["dropped_other_stage"])

    run(story)


def test_what_was_put_while_nobody_listened_is_found_by_the_listing(gateway: Gateway) -> None:
    async def story() -> None:
        gateway.put(KEY)
        stage = HandStage()
        intake = stage.intake()
        store = open_store(gateway.store_url)
        async with fed(intake, source(intake, stage, gateway, store)):
            await stage.begun(KEY)

    run(story)


def test_after_the_server_was_killed_it_is_listened_to_again_and_listed(gateway: Gateway) -> None:
    async def story() -> None:
        stage = HandStage()
        intake = stage.intake()
        store = open_store(gateway.store_url)
        async with fed(intake, source(intake, stage, gateway, store)):
            await until(lambda: intake.state == "ok")
            gateway.kill()
            await until(lambda: "listening to" in intake.state)
            await asyncio.to_thread(gateway.start)
            await asyncio.to_thread(gateway.put, KEY)  # before it listens again, or after
            await stage.begun(KEY)
            await until(lambda: intake.state == "ok")
            await asyncio.to_thread(gateway.put, ODD)
            await stage.begun(ODD)

    run(story)


def test_no_more_is_heard_than_may_be_under_way(gateway: Gateway) -> None:
    async def story() -> None:
        stage = HandStage()
        intake = stage.intake(max_in_flight=2)
        store = open_store(gateway.store_url)
        wanted = [KEY.replace("0000", f"{number:04d}") for number in range(6)]
        async with fed(intake, source(intake, stage, gateway, store)):
            await until(lambda: intake.state == "ok")
            for key in wanted:
                await asyncio.to_thread(gateway.put, key)
            for number in range(6):
                await stage.given_times(number + 1)
                assert len(stage.given) - number <= 2
                stage.end(stage.given[number])
            assert sorted(stage.given) == wanted

    run(story)


def test_its_webhook_brings_work_to_a_function(tmp_path: Path) -> None:
    """The gateway ignores conditional puts, so it is no store: it only tells of the same keys."""
    store = Bucket(f"sqlite:///{tmp_path}/store.db")
    function = Function(
        "validate", tmp_path, store_url=store.url, events_token=TOKEN, log_level="info"
    )
    try:
        function.wait_until_it_lives()
        webhook = f"http://127.0.0.1:{function.port}/"
        with running_gateway(tmp_path, webhook) as gateway:
            store.put(FAILING, b"no Batch")
            gateway.put(FAILING)
            run(lambda: until(lambda: not store.keys("submitted/")))
        assert store.keys("failed/") == [f"failed/validate/{FAILING}.json"]
    finally:
        function.kill()
        store.close()
    assert TOKEN == WEBHOOK_TOKEN


def test_its_webhook_brings_work_through_the_receiver(tmp_path: Path) -> None:
    """`ekiden sources`, with one port for all stages; validate is a function behind it."""
    store = Bucket(f"sqlite:///{tmp_path}/store.db")
    options = {"store_url": store.url, "events_token": TOKEN}
    function = Function("validate", tmp_path, log_level="info", **options)
    port = free_port()
    targets = f"validate=http://127.0.0.1:{function.port}/"
    feed = FeedProcess(
        tmp_path, "sources", sources_port=str(port), sweep_targets=targets, **options
    )
    try:
        function.wait_until_it_lives()
        run(lambda: until(lambda: listens(port)))
        with running_gateway(tmp_path, f"http://127.0.0.1:{port}/") as gateway:
            store.put(FAILING, b"no Batch")
            gateway.put(FAILING)
            run(lambda: until(lambda: store.keys("failed/")))
        assert feed.terminate() == 0, feed.log.read_text()
    finally:
        feed.kill()
        function.kill()
        store.close()


def test_listened_to_by_ekiden_sources_it_brings_work_to_a_function(tmp_path: Path) -> None:
    """Also what was put before; and the function's store is another one than the gateway."""
    store = Bucket(f"sqlite:///{tmp_path}/store.db")
    function = Function("validate", tmp_path, store_url=store.url, events_token=TOKEN)
    second = FAILING.replace("zz.json", "zy.json")
    with running_gateway(tmp_path) as gateway:
        store.put(FAILING, b"no Batch")
        gateway.put(FAILING)
        feed = FeedProcess(
            tmp_path,
            "sources",
            store_url=gateway.store_url,
            events_token=TOKEN,
            sources_minio="on",
            sweep_targets=f"validate=http://127.0.0.1:{function.port}/",
        )
        try:
            function.wait_until_it_lives()
            run(lambda: until(lambda: store.keys("failed/")))
            store.put(second, b"no Batch")
            gateway.put(second)
            run(lambda: until(lambda: len(store.keys("failed/")) == 2))
            assert feed.terminate() == 0, feed.log.read_text()
        finally:
            feed.kill()
            function.kill()
            store.close()


def listens(port: int) -> bool:
    with closing(socket.socket()) as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_the_place_to_listen_at_comes_from_the_stores_url() -> None:
    url = "s3://mail/a%20b/?endpoint=https://minio.example:9000&region=eu&access_key_id=me"
    assert listened(f"{url}&secret_access_key=x+y%2F") == Listened(
        endpoint="https://minio.example:9000",
        bucket="mail",
        prefix="a b/",
        region="eu",
        access_key_id="me",
        secret_access_key="x+y/",
    )


@pytest.mark.parametrize(
    "url", ["sqlite:///ekiden.db", "memory:", "s3://mail", "s3://mail?region=x"]
)
def test_only_a_minio_server_can_be_listened_to(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"sources\.minio: .*store\.url"):
        listened(url)


def test_a_server_that_refuses_us_says_why(gateway: Gateway) -> None:
    async def story() -> None:
        stage = HandStage()
        intake = stage.intake()
        url = gateway.store_url.replace("ekiden-test-secret", "wrong-secret")
        listing = ListingSource(intake, stage.delivery, open_store("memory:"))
        async with fed(intake, MinioSource(intake, listened(url), listing)):
            await until(lambda: "SignatureDoesNotMatch" in intake.state)

    run(story)
