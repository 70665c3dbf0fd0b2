"""No function touches what is another's: the store says 403.

First what would hurt most, word by word; then every function at every kind of key.
"""

import asyncio
import re
from collections.abc import Iterator

import pytest
from few_rights import bucket, url_of
from seaweed import Seaweed

from shared import keys
from shared.errors import AlreadyExists, EkidenError, NotFound, StoreRefused
from shared.layout import RIGHTS
from shared.store import open_store
from shared.store.base import Store

BATCH, DOMAIN, ID = "01hf7yat00abcdefghjkmnpqrs", "example.org", "0123456789ab"
KEYS = [
    f"inbox/{DOMAIN}/a.json",
    keys.submitted(BATCH),
    keys.validated(BATCH, 0),
    keys.dispatched(BATCH, 0, 0),
    keys.inbound(BATCH),
    *(keys.waiting(1.0, f"{prefix}{BATCH}/x") for prefix in keys.WORK),
    *(keys.failed(stage, "x") for stage in (*keys.WORK.values(), "sweep")),
    keys.content(BATCH),
    keys.cancelled(BATCH),
    keys.outcome_part(BATCH, 0, 0, 0),
    keys.late_outcome(BATCH, 0, BATCH),
    keys.event(DOMAIN, 1.0, "x"),
    keys.received(DOMAIN, BATCH),
    keys.archived(keys.submitted(BATCH)),
    keys.archived(keys.inbound(BATCH)),
    keys.domain_record(DOMAIN),
    keys.domain_dkim(DOMAIN),
    keys.domain_tracking(DOMAIN),
    keys.api_key(DOMAIN, ID),
    keys.template(DOMAIN, "a"),
    keys.template_version(DOMAIN, "a", 1),
    keys.webhook(DOMAIN, "wh_0"),
    keys.suppression(DOMAIN, "a", "0"),
    keys.suppression_index(DOMAIN),
    keys.suppressed_digests(DOMAIN, "0"),
    keys.suppressed_block(DOMAIN, "0", 0),
    keys.idempotency(DOMAIN, "a"),
    keys.tagged(DOMAIN, "a", BATCH),
    keys.lease(BATCH, 0, 0),
    keys.paused("a.example"),
    keys.redrives(keys.validated(BATCH, 0)),
    keys.warmup("192.0.2.1", 1.0),
    keys.mta_sts_policy("a.example"),
    keys.notifying(DOMAIN, "wh_0", "a", 0),
    keys.call_log(DOMAIN, "wh_0", 1.0, "a"),
    keys.stats_of_day(DOMAIN, "1970-01-01", "counts"),
    keys.stats_index(),
    keys.stats_window("a"),
    keys.stats_events(DOMAIN, "1970-01-01"),
    keys.retention_index(),
    keys.retention_of(DOMAIN),
    keys.retention_wish(DOMAIN),
    keys.progress(BATCH),
    keys.audit(1.0, "a"),
    "probe/a",
    "something/else",
]
FORGETTING = {"sweep", "pod_sending"}
"""They delete what a Domain keeps no longer."""
FORBIDDEN = [
    ("submit", "delete", keys.submitted(BATCH)),
    ("submit", "read", keys.domain_dkim(DOMAIN)),
    ("submit", "write", keys.domain_record(DOMAIN)),
    ("submit", "write", keys.dispatched(BATCH, 0, 0)),
    ("validate", "read", keys.domain_dkim(DOMAIN)),
    ("validate", "read", keys.api_key(DOMAIN, ID)),
    ("validate", "write", keys.dispatched(BATCH, 0, 0)),
    ("validate", "write", keys.suppression(DOMAIN, "a", "0")),
    ("submit", "read", keys.suppression(DOMAIN, "a", "0")),
    ("submit", "read", keys.suppressed_block(DOMAIN, "0", 0)),
    ("dispatch", "read", keys.suppressed_block(DOMAIN, "0", 0)),
    ("dispatch", "delete", keys.dispatched(BATCH, 0, 0)),
    ("dispatch", "read", keys.api_key(DOMAIN, ID)),
    ("dispatch", "write", keys.domain_dkim(DOMAIN)),
    ("dispatch", "write", keys.outcome_part(BATCH, 0, 0, 0)),
    ("send", "read", f"inbox/{DOMAIN}/a.json"),
    ("send", "read", keys.domain_dkim(DOMAIN)),
    ("send", "read", keys.api_key(DOMAIN, ID)),
    ("send", "write", keys.dispatched(BATCH, 0, 0)),
    ("send", "write", keys.paused("a.example")),
    ("send", "delete", keys.outcome_part(BATCH, 0, 0, 0)),
    ("bounce", "write", keys.outcome_part(BATCH, 0, 0, 0)),
    ("bounce", "write", keys.submitted(BATCH)),
    ("bounce", "delete", keys.suppression(DOMAIN, "a", "0")),
    ("bounce", "read", keys.dispatched(BATCH, 0, 0)),
    ("notify", "read", keys.domain_dkim(DOMAIN)),
    ("notify", "read", keys.domain_record(DOMAIN)),
    ("notify", "write", keys.domain_record(DOMAIN)),
    ("notify", "write", keys.event(DOMAIN, 1.0, "x")),
    ("track", "read", keys.domain_dkim(DOMAIN)),
    ("track", "read", keys.api_key(DOMAIN, ID)),
    ("track", "read", keys.content(BATCH)),
    ("track", "read", keys.event(DOMAIN, 1.0, "x")),
    ("track", "write", keys.outcome_part(BATCH, 0, 0, 0)),
    ("track", "write", keys.domain_tracking(DOMAIN)),
    ("track", "delete", keys.suppression(DOMAIN, "a", "0")),
    ("admin", "read", f"inbox/{DOMAIN}/a.json"),
    ("admin", "write", keys.lease(BATCH, 0, 0)),
    ("admin", "write", keys.stats_of_day(DOMAIN, "1970-01-01", "counts")),
    ("admin", "delete", keys.audit(1.0, "a")),
    ("admin", "delete", keys.dispatched(BATCH, 0, 0)),
    ("sweep", "write", keys.event(DOMAIN, 1.0, "x")),
    ("sweep", "write", keys.outcome_part(BATCH, 0, 0, 0)),
    ("sweep", "read", keys.domain_record(DOMAIN)),
    ("sweep", "write", keys.content(BATCH)),
    ("sweep", "delete", keys.failed("send", "x")),
    ("sweep", "write", keys.retention_wish(DOMAIN)),
    ("sweep", "delete", keys.tagged(DOMAIN, "a", BATCH).replace("tags", "templates")),
    ("sweep", "delete", keys.stats_of_day(DOMAIN, "1970-01-01", "counts")),
    ("pod", "read", keys.inbound(BATCH)),
    ("pod", "delete", keys.submitted(BATCH)),
    ("pod", "write", keys.dispatched(BATCH, 0, 0)),
    ("pod_sending", "read", keys.domain_dkim(DOMAIN)),
    ("pod_sending", "write", keys.api_key(DOMAIN, ID)),
    *((function, "write", keys.archived(keys.submitted(BATCH))) for function in ("submit", "send")),
    *((function, "delete", keys.content(BATCH)) for function in sorted(RIGHTS.keys() - FORGETTING)),
    *((function, "list", "") for function in RIGHTS),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    with bucket(tmp_path_factory.mktemp("foreign")) as running:
        yield running


async def _may(store: Store, kind: str, key: str) -> bool:
    """What the store says. A missing object is no refusal, nor is one that is there."""
    try:
        match kind:
            case "read":
                await store.get(key)
            case "write":
                await store.create(key, b"")
            case "delete":
                await store.delete(key)
            case "list":
                await store.list_page(key, limit=1)
    except (NotFound, AlreadyExists):
        return True
    except EkidenError as error:
        if not _is_refusal(error):
            raise
        return False
    return True


def _is_refusal(error: EkidenError) -> bool:
    """obstore gives no status for what a request for several deletes answers."""
    signs = ("403 Forbidden", "(code: AccessDenied)")
    return isinstance(error, StoreRefused) and any(sign in str(error) for sign in signs)


def _says_the_layout(function: str, kind: str, key: str) -> bool:
    """By the patterns themselves. What may be read may be listed, too."""
    rights = RIGHTS[function]
    patterns = {
        "read": rights.read,
        "write": rights.write,
        "delete": rights.delete,
        "list": (*(f"{each}*" for each in rights.list), *rights.read),
    }[kind]
    return any(re.fullmatch(re.escape(each).replace(r"\*", ".*"), key) for each in patterns)


@pytest.mark.parametrize(("function", "kind", "key"), FORBIDDEN)
def test_this_is_refused(server: Seaweed, function: str, kind: str, key: str) -> None:
    async def story() -> None:
        store = open_store(url_of(server, function))
        try:
            assert not await _may(store, kind, key)
        finally:
            await store.close()

    asyncio.run(story())


@pytest.mark.parametrize("function", RIGHTS)
def test_the_store_allows_what_the_layout_says_and_nothing_else(
    server: Seaweed, function: str
) -> None:
    async def story() -> None:
        store = open_store(url_of(server, function))
        folders = sorted({key.rpartition("/")[0] + "/" for key in KEYS})
        asked = [(kind, key) for kind in ("write", "read", "delete") for key in KEYS]
        asked += [("list", folder) for folder in folders]
        try:
            for kind, key in asked:
                expected = _says_the_layout(function, kind, key)
                assert await _may(store, kind, key) == expected, (kind, key)
        finally:
            await store.close()

    asyncio.run(story())


@pytest.mark.parametrize("function", RIGHTS)
def test_outside_its_prefix_of_the_bucket_nobody_may_do_anything(
    server: Seaweed, function: str
) -> None:
    async def story() -> None:
        store = open_store(url_of(server, function).replace("/live?", "/?"))
        try:
            for kind, patterns in (("read", RIGHTS[function].read), ("write", KEYS)):
                for pattern in patterns:
                    assert not await _may(store, kind, pattern.replace("*", "x"))
        finally:
            await store.close()

    asyncio.run(story())


def test_wrong_keys_are_nobody(server: Seaweed) -> None:
    async def story() -> None:
        url = url_of(server, "submit").replace("submit-secret-key", "send-secret-key")
        store = open_store(url)
        try:
            with pytest.raises(StoreRefused):
                await store.get(keys.submitted(BATCH))
        finally:
            await store.close()

    asyncio.run(story())
