"""Every way in which SQLite can fail has one of our names."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from shared.errors import EkidenError, StoreRefused, StoreUnavailable
from shared.store import Object, sqlite_file
from shared.store.sqlite import SqliteStore
from shared.store.sqlite_errors import LASTING, PASSING, primary_code, translate

PRIMARY_CODES = set(range(1, 27))
"""sqlite.org/rescode.html: 1 to 26 are errors; 27, 28 (log only), 100 and 101 are not."""


def first_error(path: Path) -> EkidenError:
    async def scenario() -> EkidenError:
        store = SqliteStore(path)
        ends = await asyncio.gather(store.create("k", b"x"), store.get("k"), return_exceptions=True)
        await store.close()
        assert all(isinstance(end, EkidenError) for end in ends)
        return ends[0]  # type: ignore[return-value]

    return asyncio.run(scenario())


def test_a_locked_file_is_unavailable_and_works_when_unlocked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT_S", 0.01)

    async def scenario() -> None:
        store = SqliteStore(tmp_path / "o.db")
        await store.create("first", b"x")
        other = sqlite3.connect(tmp_path / "o.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            await store.create("second", b"x")
        assert (await store.get("first")).body == b"x"
        other.execute("ROLLBACK")
        other.close()
        await store.create("second", b"x")
        await store.close()

    asyncio.run(scenario())


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "o.db").write_bytes(b"this is not a database, by any means" * 100)
    assert isinstance(first_error(tmp_path / "o.db"), StoreRefused)


def test_a_corrupt_file_is_refused(tmp_path: Path) -> None:
    async def fill() -> None:
        store = SqliteStore(tmp_path / "o.db")
        await store.create("k", b"x" * 100_000)
        await store.close()

    asyncio.run(fill())
    content = bytearray((tmp_path / "o.db").read_bytes())
    content[sqlite_file.PAGE_SIZE_BYTES :] = b"\xa5" * (len(content) - sqlite_file.PAGE_SIZE_BYTES)
    (tmp_path / "o.db").write_bytes(content)
    assert isinstance(first_error(tmp_path / "o.db"), StoreRefused)


def test_a_corrupt_page_fails_only_what_is_on_it(tmp_path: Path) -> None:
    async def fill() -> None:
        store = SqliteStore(tmp_path / "o.db")
        await store.create("bad", b"\x5a" * 1_000_000)
        await store.create("good", b"x")
        await store.close()

    async def read() -> Sequence[object]:
        store = SqliteStore(tmp_path / "o.db")
        keys = ["good", "bad", "good", "bad", "good"]
        ends = await asyncio.gather(*(store.get(key) for key in keys), return_exceptions=True)
        await store.close()
        return ends

    asyncio.run(fill())
    content = (tmp_path / "o.db").read_bytes()
    # Every page of the large body now points to a next page that the file does not have.
    size = sqlite_file.PAGE_SIZE_BYTES
    pages = [content[at : at + size] for at in range(0, len(content), size)]
    damaged = [b"\xff" * 4 + page[4:] if page.endswith(b"\x5a" * 99) else page for page in pages]
    (tmp_path / "o.db").write_bytes(b"".join(damaged))
    kinds = [type(end) for end in asyncio.run(read())]
    assert kinds == [Object, StoreRefused, Object, StoreRefused, Object]


def test_a_new_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    asyncio.run(SqliteStore(tmp_path / "o.db").create("k", b"x"))
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "o.db")
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    before = (tmp_path / "o.db").read_bytes()
    error = first_error(tmp_path / "o.db")
    assert isinstance(error, StoreRefused)
    assert "another program" in str(error)
    assert (tmp_path / "o.db").read_bytes() == before


def test_a_file_of_a_later_schema_is_refused(tmp_path: Path) -> None:
    later = sqlite3.connect(tmp_path / "o.db")
    later.execute(f"PRAGMA application_id = {sqlite_file.APPLICATION_ID}")
    later.execute("PRAGMA user_version = 99")
    later.close()
    error = first_error(tmp_path / "o.db")
    assert isinstance(error, StoreRefused)
    assert "99" in str(error)


def test_a_missing_directory_is_refused_with_advice(tmp_path: Path) -> None:
    error = first_error(tmp_path / "missing" / "o.db")
    assert isinstance(error, StoreRefused)
    assert "create it" in str(error)


def test_an_error_names_the_file_and_sqlites_code(tmp_path: Path) -> None:
    (tmp_path / "o.db").write_bytes(b"no database" * 100)
    text = str(first_error(tmp_path / "o.db"))
    assert str(tmp_path / "o.db") in text
    assert "SQLITE_NOTADB" in text


# Completeness: an update of Python or SQLite that brings a new error fails here.


def test_every_primary_result_code_is_sorted_into_passing_or_lasting() -> None:
    assert not PASSING & LASTING
    assert PASSING | LASTING == PRIMARY_CODES


def test_every_extended_result_code_follows_its_family() -> None:
    extended = {
        name: code
        for name in dir(sqlite3)
        if name.startswith("SQLITE_") and isinstance(code := getattr(sqlite3, name), int)
        if code > 0xFF
    }
    assert "SQLITE_IOERR_FSYNC" in extended
    for name, code in extended.items():
        error = sqlite3.OperationalError("x")
        error.sqlite_errorcode, error.sqlite_errorname = code, name
        if primary_code(error) not in {sqlite3.SQLITE_OK, 27, 28}:
            expected = StoreUnavailable if code & 0xFF in PASSING else StoreRefused
            assert type(translate(error, "o.db")) is expected


def test_every_exception_class_of_the_module_is_translated() -> None:
    classes = [
        value
        for value in vars(sqlite3).values()
        if isinstance(value, type) and issubclass(value, Exception)
    ]
    assert sqlite3.OperationalError in classes
    for kind in classes:
        assert isinstance(translate(kind("x"), "o.db"), StoreRefused), kind


def test_a_fault_in_our_own_code_keeps_its_name() -> None:
    fault = KeyError("x")
    assert translate(fault, "o.db") is fault
