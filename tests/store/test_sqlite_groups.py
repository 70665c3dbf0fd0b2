"""SqliteStore's groups: calls that wait together share a commit, and nothing else."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.errors import AlreadyExists, Changed, StoreUnavailable
from shared.store import sqlite_writer
from shared.store.sqlite import SqliteStore
from shared.store.sqlite_file import connect

SetUp = Callable[[sqlite3.Connection], object]


def set_up_writer(monkeypatch: pytest.MonkeyPatch, set_up: SetUp) -> None:
    """Have the store's writing connection prepared by `set_up`, on the writing thread."""

    def prepared(path: str) -> sqlite3.Connection:
        connection = connect(path)
        set_up(connection)
        return connection

    monkeypatch.setattr(sqlite_writer, "connect", prepared)


def test_sixty_four_tasks_share_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    statements: list[str] = []
    set_up_writer(monkeypatch, lambda c: c.set_trace_callback(statements.append))

    async def task(store: SqliteStore, n: int) -> None:
        for step in range(10):
            await store.create(f"{n}/{step}", b"x")

    async def scenario() -> None:
        store = SqliteStore(tmp_path / "o.db")
        await asyncio.gather(*(task(store, n) for n in range(64)))
        await store.close()

    asyncio.run(scenario())
    # 640 creates in at best 10 groups; more when the writer takes a group before it is full.
    inserts = [statement for statement in statements if "INSERT INTO objects" in statement]
    assert 10 <= len(inserts) <= 320


def test_each_call_of_a_mixed_group_gets_its_own_answer(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = SqliteStore(tmp_path / "o.db")
        old = await store.create("taken", b"1")
        await store.put("taken", b"2")
        ends = await asyncio.gather(
            store.create("new", b"x"),
            store.create("taken", b"x"),
            store.replace("taken", b"3", old),
            store.replace("gone", b"x", old),
            store.put("put", b"x"),
            store.delete("never"),
            store.create("new too", b"x"),
            return_exceptions=True,
        )
        kinds = [type(end) for end in ends]
        assert kinds == [str, AlreadyExists, Changed, Changed, str, type(None), str]
        assert (await store.get("taken")).body == b"2"
        for key, etag in (("new", ends[0]), ("put", ends[4]), ("new too", ends[6])):
            assert (await store.get(key)).etag == etag
        await store.close()

    asyncio.run(scenario())


def test_two_creates_of_one_key_in_a_group_have_one_winner(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = SqliteStore(tmp_path / "o.db")
        twice = [f"k{n % 50}" for n in range(100)]
        ends = await asyncio.gather(
            *(store.create(key, b"x") for key in twice), return_exceptions=True
        )
        assert sum(isinstance(end, str) for end in ends) == 50
        assert sum(isinstance(end, AlreadyExists) for end in ends) == 50
        await store.close()

    asyncio.run(scenario())


def test_two_puts_of_one_key_in_a_group_leave_the_later(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = SqliteStore(tmp_path / "o.db")
        etags = await asyncio.gather(*(store.put("k", b"%d" % n) for n in range(100)))
        found = await store.get("k")
        assert (found.body, found.etag) == (b"99", etags[99])
        await store.close()

    asyncio.run(scenario())


def test_a_body_too_large_for_the_disk_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up_writer(monkeypatch, lambda c: c.execute("PRAGMA max_page_count = 100"))

    async def scenario() -> None:
        store = SqliteStore(tmp_path / "o.db")
        ends = await asyncio.gather(
            *(store.create(f"small/{n}", b"x") for n in range(10)),
            store.create("large", bytes(2_000_000)),
            *(store.create(f"small too/{n}", b"x") for n in range(10)),
            return_exceptions=True,
        )
        assert [end for end in ends if isinstance(end, Exception)] == [ends[10]]
        assert isinstance(ends[10], StoreUnavailable)
        assert "full" in str(ends[10])
        assert len(await store.list_page("small")) == 20
        await store.close()

    asyncio.run(scenario())


def test_a_body_of_the_wrong_type_fails_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = SqliteStore(tmp_path / "o.db")
        wrong: bytes = [1, 2, 3]  # type: ignore[assignment]
        ends = await asyncio.gather(
            store.create("a", b"x"),
            store.create("b", wrong),
            store.create("c", b"x"),
            return_exceptions=True,
        )
        assert [isinstance(end, str) for end in ends] == [True, False, True]
        await store.close()

    asyncio.run(scenario())


def test_closing_finishes_what_is_queued(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        store = SqliteStore(tmp_path / "o.db")
        creates = [asyncio.ensure_future(store.create(f"k{n}", b"x")) for n in range(50)]
        await asyncio.sleep(0)
        await store.close()
        return await asyncio.gather(*creates)

    assert len(asyncio.run(scenario())) == 50


def test_a_closed_store_leaves_no_thread_and_no_log_behind(tmp_path: Path) -> None:
    async def scenario() -> list[threading.Thread]:
        before = set(threading.enumerate())
        store = SqliteStore(tmp_path / "o.db")
        await store.create("k", b"x")
        await store.get("k")
        threads = [thread for thread in threading.enumerate() if thread not in before]
        await store.close()
        return threads

    threads = asyncio.run(scenario())
    assert len(threads) == 2
    for thread in threads:
        thread.join()
    assert [path.name for path in tmp_path.iterdir()] == ["o.db"]


def test_a_cancelled_caller_does_not_disturb_its_group(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = SqliteStore(tmp_path / "o.db")
        creates = [asyncio.ensure_future(store.create(f"k{n}", b"x")) for n in range(20)]
        await asyncio.sleep(0)
        creates[7].cancel()
        ends = await asyncio.gather(*creates, return_exceptions=True)
        assert sum(isinstance(end, str) for end in ends) == 19
        await store.close()

    asyncio.run(scenario())


def test_two_event_loops_in_two_threads_share_a_store(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "o.db")

    async def write(name: str) -> None:
        for step in range(20):
            await asyncio.gather(*(store.create(f"{name}/{step}/{n}", b"x") for n in range(20)))

    threads = [threading.Thread(target=lambda n=name: asyncio.run(write(n))) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    async def count() -> int:
        found = len(await store.list_page("a/")) + len(await store.list_page("b/"))
        await store.close()
        return found

    assert asyncio.run(count()) == 800
