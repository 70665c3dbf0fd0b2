"""What every store has to do. Run over memory, SQLite and S3 (a real SeaweedFS)."""

import asyncio
import functools
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from shared import keys
from shared.errors import AlreadyExists, Changed, NotFound
from shared.store import Store, list_all
from shared.store.memory import MemoryStore
from shared.store.s3 import S3Store
from shared.store.sqlite import SqliteStore

ROOM = itertools.count()


@pytest.fixture(params=["memory", "sqlite", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = _open(request, tmp_path)
    yield opened
    asyncio.run(opened.close())


def _open(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "memory":
        return MemoryStore()
    if request.param == "sqlite":
        return SqliteStore(tmp_path / "objects.db")
    server = request.getfixturevalue("seaweed")
    return S3Store(
        server.bucket,
        endpoint=server.endpoint,
        access_key_id=server.access_key_id,
        secret_access_key=server.secret_access_key,
        prefix=f"contract{next(ROOM):04d}",
    )


def in_loop(test: Callable[[Store], Awaitable[None]]) -> Callable[[Store], None]:
    @functools.wraps(test)
    def run(store: Store) -> None:
        asyncio.run(test(store))  # type: ignore[arg-type]

    return run


async def listed(store: Store, prefix: str) -> list[str]:
    return [entry.key async for entry in list_all(store, prefix)]


def name(n: int) -> str:
    return keys.validated("b", n)


# Reading.


@in_loop
async def test_an_object_is_read_as_it_was_put(store: Store) -> None:
    await store.create("a/x", bytes(range(256)))
    assert (await store.get("a/x")).body == bytes(range(256))


@in_loop
async def test_reading_what_is_not_there_raises_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.get("a/x")


@in_loop
async def test_an_object_says_when_it_was_put(store: Store) -> None:
    before = time.time()
    await store.put("a/x", b"1")
    modified = (await store.get("a/x")).modified
    # S3 answers in whole seconds.
    assert before - 1 <= modified <= time.time() + 1


@pytest.mark.parametrize("size_bytes", [0, 1, 70_000, 5_000_000])
def test_a_body_of_any_size_comes_back_whole(store: Store, size_bytes: int) -> None:
    body = (b"\0\r\n\xff" * (size_bytes // 4 + 1))[:size_bytes]

    async def scenario() -> None:
        await store.create("a/x", body)
        assert (await store.get("a/x")).body == body
        assert [entry.size_bytes for entry in await store.list_page("a/")] == [size_bytes]

    asyncio.run(scenario())


# Creating.


@in_loop
async def test_a_second_create_is_refused_and_changes_nothing(store: Store) -> None:
    await store.create("a/x", b"first")
    with pytest.raises(AlreadyExists):
        await store.create("a/x", b"second")
    assert (await store.get("a/x")).body == b"first"


@in_loop
async def test_a_deleted_object_can_be_created_again(store: Store) -> None:
    await store.create("a/x", b"first")
    await store.delete("a/x")
    await store.create("a/x", b"second")
    assert (await store.get("a/x")).body == b"second"


@in_loop
async def test_of_twenty_racing_creates_exactly_one_wins(store: Store) -> None:
    bodies = [b"racer %d" % n for n in range(20)]
    ends = await asyncio.gather(
        *(store.create("a/x", body) for body in bodies), return_exceptions=True
    )
    winners = [n for n, end in enumerate(ends) if isinstance(end, str)]
    losers = [end for end in ends if isinstance(end, AlreadyExists)]
    assert (len(winners), len(losers)) == (1, 19)
    assert (await store.get("a/x")).body == bodies[winners[0]]


# Replacing.


@in_loop
async def test_replacing_with_the_current_etag_succeeds(store: Store) -> None:
    etag = await store.create("a/x", b"first")
    await store.replace("a/x", b"second", etag)
    assert (await store.get("a/x")).body == b"second"


@in_loop
async def test_a_new_body_has_a_new_etag(store: Store) -> None:
    first = await store.create("a/x", b"first")
    second = await store.replace("a/x", b"second", first)
    third = await store.put("a/x", b"third")
    assert len({first, second, third}) == 3


@in_loop
async def test_every_put_returns_the_etag_that_reading_shows(store: Store) -> None:
    etag = await store.create("a/x", b"first")
    assert (await store.get("a/x")).etag == etag
    etag = await store.replace("a/x", b"second", etag)
    assert (await store.get("a/x")).etag == etag
    etag = await store.put("a/x", b"third")
    assert (await store.get("a/x")).etag == etag


@in_loop
async def test_replacing_with_an_old_etag_is_refused_and_changes_nothing(store: Store) -> None:
    old = await store.create("a/x", b"first")
    await store.replace("a/x", b"second", old)
    with pytest.raises(Changed):
        await store.replace("a/x", b"third", old)
    assert (await store.get("a/x")).body == b"second"


@in_loop
async def test_replacing_what_is_gone_is_refused_and_creates_nothing(store: Store) -> None:
    etag = await store.create("a/x", b"first")
    await store.delete("a/x")
    with pytest.raises(Changed):
        await store.replace("a/x", b"second", etag)
    with pytest.raises(NotFound):
        await store.get("a/x")


@in_loop
async def test_an_etag_of_a_deleted_object_does_not_fit_its_successor(store: Store) -> None:
    old = await store.create("a/x", b"first")
    await store.delete("a/x")
    await store.create("a/x", b"second")
    with pytest.raises(Changed):
        await store.replace("a/x", b"third", old)


@in_loop
async def test_of_twenty_racing_replaces_exactly_one_wins(store: Store) -> None:
    etag = await store.create("a/x", b"start")
    bodies = [b"racer %d" % n for n in range(20)]
    ends = await asyncio.gather(
        *(store.replace("a/x", body, etag) for body in bodies), return_exceptions=True
    )
    winners = [n for n, end in enumerate(ends) if isinstance(end, str)]
    losers = [end for end in ends if isinstance(end, Changed)]
    assert (len(winners), len(losers)) == (1, 19)
    assert (await store.get("a/x")).body == bodies[winners[0]]


# Putting and deleting.


@in_loop
async def test_put_overwrites_whatever_was_there(store: Store) -> None:
    await store.put("a/x", b"first")
    await store.put("a/x", b"second")
    assert (await store.get("a/x")).body == b"second"
    assert await listed(store, "a/") == ["a/x"]


@in_loop
async def test_many_objects_are_deleted_at_once_and_the_others_stay(store: Store) -> None:
    for n in range(5):
        await store.create(name(n), b"x")
    await store.delete(name(1), name(3))
    assert await listed(store, "validated/") == [name(0), name(2), name(4)]


@in_loop
async def test_deleting_what_is_not_there_is_no_error(store: Store) -> None:
    await store.create("a/x", b"x")
    await store.delete("a/gone")
    await store.delete("a/gone", "a/x", "a/never")
    await store.delete()
    assert await listed(store, "a/") == []


# Listing.


@in_loop
async def test_an_empty_prefix_lists_nothing(store: Store) -> None:
    assert await store.list_page("a/") == []


@in_loop
async def test_a_listing_tells_key_size_and_time(store: Store) -> None:
    await store.create("a/x", b"12345")
    (entry,) = await store.list_page("a/")
    found = await store.get("a/x")
    assert (entry.key, entry.size_bytes) == ("a/x", 5)
    assert int(entry.modified) == int(found.modified)


@in_loop
async def test_a_listing_stays_below_its_prefix(store: Store) -> None:
    for key in ("a/x", "ab/x", "b/x", "a/deep/er/x"):
        await store.create(key, b"x")
    assert sorted(await listed(store, "a/")) == ["a/deep/er/x", "a/x"]
    assert sorted(await listed(store, "a/deep/")) == ["a/deep/er/x"]
    assert len(await listed(store, "")) == 4


@in_loop
async def test_a_key_is_not_below_itself(store: Store) -> None:
    await store.create("a/x.json", b"x")
    assert await listed(store, "a/x.json") == []
    assert await listed(store, "a/x.") == ["a/x.json"]


@in_loop
async def test_a_prefix_may_end_within_a_name(store: Store) -> None:
    for bag, part in itertools.product(range(3), range(3)):
        await store.create(keys.outcome_part("b", bag, 0, part), b"x")
    page = await listed(store, keys.outcomes_of_bag("b", 1))
    assert page == [keys.outcome_part("b", 1, 0, part) for part in range(3)]


@in_loop
async def test_pages_within_a_name_follow_each_other(store: Store) -> None:
    for bag, part in itertools.product(range(3), range(3)):
        await store.create(keys.outcome_part("b", bag, 0, part), b"x")
    prefix = keys.outcomes_of_bag("b", 1)
    first = await store.list_page(prefix, limit=2)
    second = await store.list_page(prefix, first[-1].key, limit=2)
    assert [len(first), len(second)] == [2, 1]


@in_loop
async def test_a_page_starts_behind_start_after_and_ends_at_its_limit(store: Store) -> None:
    for n in range(6):
        await store.create(name(n), b"x")
    page = await store.list_page("validated/", start_after=name(1), limit=3)
    assert [entry.key for entry in page] == [name(2), name(3), name(4)]


@in_loop
async def test_start_after_need_not_exist(store: Store) -> None:
    for n in (1, 3, 5):
        await store.create(name(n), b"x")
    page = await store.list_page("validated/", start_after=name(2))
    assert [entry.key for entry in page] == [name(3), name(5)]


@in_loop
async def test_a_page_shorter_than_its_limit_is_the_last(store: Store) -> None:
    for n in range(4):
        await store.create(name(n), b"x")
    assert len(await store.list_page("validated/", limit=4)) == 4
    assert await store.list_page("validated/", name(3), limit=4) == []


@in_loop
async def test_twelve_hundred_keys_come_over_pages_each_once(store: Store) -> None:
    expected = [name(n) for n in range(1200)]
    await asyncio.gather(*(store.put(key, b"x") for key in expected))
    assert await listed(store, "validated/") == expected
    await store.delete(*expected)
    assert await listed(store, "validated/") == []


ODD_NAMES = ["an@b.example", "100%", "a%20b", "one+one", "with space", "ünï", "q?=&#", "x~'(*)!"]


@pytest.mark.parametrize("odd", ODD_NAMES)
def test_a_name_of_odd_characters_stays_as_it_is(store: Store, odd: str) -> None:
    async def scenario() -> None:
        await store.create(f"inbox/d/{odd}.json", b"x")
        assert await listed(store, "inbox/") == [f"inbox/d/{odd}.json"]
        assert (await store.get(f"inbox/d/{odd}.json")).body == b"x"
        await store.delete(f"inbox/d/{odd}.json")
        assert await listed(store, "inbox/") == []

    asyncio.run(scenario())


# Many at once, and coming back.


@in_loop
async def test_sixty_four_tasks_do_not_get_in_each_others_way(store: Store) -> None:
    async def task(n: int) -> None:
        etag = await store.create(name(n), b"%d" % n)
        await store.replace(name(n), b"%d again" % n, etag)
        assert (await store.get(name(n))).body == b"%d again" % n
        if n % 2:
            await store.delete(name(n))

    await asyncio.gather(*(task(n) for n in range(64)))
    assert await listed(store, "validated/") == [name(n) for n in range(0, 64, 2)]


def test_a_store_works_in_one_event_loop_after_another(store: Store) -> None:
    asyncio.run(store.create("a/x", b"x"))
    assert asyncio.run(store.get("a/x")).body == b"x"


def test_a_closed_store_opens_again_and_has_everything(store: Store) -> None:
    asyncio.run(store.create("a/x", b"x"))
    asyncio.run(store.close())
    assert asyncio.run(store.get("a/x")).body == b"x"
