"""The checks of work that failed, and of work that nobody takes."""

import asyncio
import time
from typing import Any

import boto3.session
from examination import check, one, only
from seaweed import Seaweed

from ekiden.doctor.finding import Finding, Scene, State
from shared import keys
from shared.config import load
from shared.errors import Malformed, StoreRefused
from shared.stage import fail
from shared.store.base import Entry, Store
from shared.store.memory import MemoryStore

BATCH = "01hf7yat00abcdefghjkmnpqrs"


async def one_failure(store: Store) -> None:
    await store.put("inbox/a/b.json", b"{")
    await fail("submit", store, time.time, "inbox/a/b.json", b"{", Malformed("torn"), 1)


async def one_bag(store: Store) -> None:
    await store.put(keys.validated(BATCH, 0), b"{}")


def test_where_nothing_failed_all_is_well() -> None:
    assert only(check("failed-work")).state is State.OK


def test_what_failed_waits_for_a_person() -> None:
    finding = only(check("failed-work", prepare=one_failure))
    assert (finding.state, finding.advice) == (State.WARNING, "ekiden failed list")
    assert finding.seen.startswith("1 objects")


def test_more_than_one_looks_at_is_more() -> None:
    async def many(store: Store) -> None:
        for number in range(20_001):
            await store.put(f"failed/submit/{number:05d}", b"")

    assert "20000 or more" in only(check("failed-work", prepare=many)).seen


def test_young_work_is_well() -> None:
    finding = only(check("forgotten-work", prepare=one_bag))
    assert finding.state is State.OK
    assert finding.seen.startswith("1 open")


def test_old_work_is_named_with_its_stage() -> None:
    later = time.time() + 120
    finding = only(check("forgotten-work", prepare=one_bag, clock=lambda: later))
    assert finding.state is State.WARNING
    assert "dispatch has 1, the oldest for 12" in finding.seen


class InboxRefused(MemoryStore):
    """Lists all but the inbox."""

    async def list_page(self, prefix: str, start_after: str = "", limit: int = 1000) -> list[Entry]:
        if prefix == keys.INBOX:
            raise StoreRefused("AccessDenied")
        return await super().list_page(prefix, start_after, limit)


def test_a_prefix_that_cannot_be_listed_is_named_and_the_others_are_looked_at() -> None:
    async def found() -> list[Finding]:
        store = InboxRefused()
        await store.put(keys.validated(BATCH, 0), b"{}")
        later = time.time() + 120
        return await one("forgotten-work", Scene(load(None, {}, {}), store, lambda: later))

    refused, old = asyncio.run(found())
    assert (refused.state, refused.about) == (State.FAILED, keys.INBOX)
    assert "AccessDenied" in refused.seen
    assert "dispatch has 1" in old.seen


def test_names_that_nothing_can_read_are_named(seaweed: Seaweed) -> None:
    async def put(store: Store) -> None:
        credentials = {
            "aws_access_key_id": seaweed.access_key_id,
            "aws_secret_access_key": seaweed.secret_access_key,
        }
        client: Any = boto3.session.Session().client(
            "s3", endpoint_url=seaweed.endpoint, region_name="us-east-1", **credentials
        )
        client.put_object(Bucket=seaweed.bucket, Key="doctor/inbox/a\nb.json", Body=b"{}")

    finding = only(check("forgotten-work", seaweed.url("doctor"), prepare=put))
    assert finding.state is State.WARNING
    assert "1 objects have names that nothing here can read: 'inbox/a\\nb.json'" in finding.seen


def test_what_counts_as_old_is_configured() -> None:
    later = time.time() + 120
    options = {"sweep__forgotten_after": "1h"}
    assert (
        only(check("forgotten-work", prepare=one_bag, clock=lambda: later, **options)).state
        is State.OK
    )
