"""The SQLite file: its one table, and how a connection to it is set up."""

import os
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path

from shared.errors import StoreRefused
from shared.store.sqlite_errors import primary_code

APPLICATION_ID = 0x656B6964  # "ekid": tells our files from other people's
SCHEMA_VERSION = 1

PAGE_SIZE_BYTES = 16 * 1024
"""Measured: 100 KB bodies cost a third more CPU in 4 KB pages, lone small ones in 32 KB pages."""

WAL_PAGES = (16 << 20) // PAGE_SIZE_BYTES
"""A checkpoint each 16 MB, for it syncs the main file; more was not faster where we measured."""

WAL_KEPT_BYTES = 64 << 20
"""What a burst leaves of the WAL file on the disk."""

PRIVATE = 0o600
"""Of a new file, for DKIM keys and mail are in it; SQLite gives its other files the same rights."""

BUSY_TIMEOUT_S = 5.0
BUSY_PAUSE_S = 0.01
STATEMENTS_CACHED = 300
"""Room for each number of rows of each statement that takes many."""

SCHEMA = """
CREATE TABLE objects (
    version  INTEGER PRIMARY KEY AUTOINCREMENT, -- the ETag; never given out twice
    key      TEXT NOT NULL UNIQUE,
    modified REAL NOT NULL,                     -- seconds since 1970
    size     INTEGER NOT NULL,                  -- bytes
    body     BLOB NOT NULL                      -- last, so that a listing does not read it
);
"""

_first_open = threading.Lock()
"""Reader and writer open at the same moment, and a new file is set up by one of them."""


def connect(path: str) -> sqlite3.Connection:
    """A connection in WAL mode, durable at each commit, to a file that has our schema.

    Raises `StoreRefused` for a file that is not ours, and sqlite3's errors.
    """
    if not Path(path).absolute().parent.is_dir():
        raise StoreRefused(f"SQLite store {path}: the directory does not exist; create it first")
    # Only a file that is not there yet: to open and close one that this process uses would drop
    # its locks on it (POSIX knows them by process, not by descriptor), and the next process to
    # close the file would take away the WAL that we write to. SQLite says better what is wrong.
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, PRIVATE))
    connection = sqlite3.connect(
        path,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        cached_statements=STATEMENTS_CACHED,
    )
    try:
        with _first_open:
            _set_up(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection, path: str) -> None:
    connection.execute("BEGIN")  # or another process creates the schema between two looks
    fresh = _is_fresh(connection, path)
    connection.execute("COMMIT")
    # Before the file's first page is written, or it has no effect.
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE_BYTES}")
    _enter_wal_mode(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = 1")  # macOS: fsync alone stays in the drive's cache
    connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
    if fresh:
        _create_schema(connection, path)


def _enter_wal_mode(connection: sqlite3.Connection) -> None:
    """Two processes that open a new file at once both want it alone here, and SQLite lets neither
    wait for the other: the busy time-out does not apply."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(BUSY_PAUSE_S)


def _is_fresh(connection: sqlite3.Connection, path: str) -> bool:
    """Whether the file is still empty. Raises `StoreRefused` if it is not ours."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id == APPLICATION_ID and version == SCHEMA_VERSION:
        return False
    if application_id == APPLICATION_ID:
        raise StoreRefused(
            f"SQLite store {path}: its schema is {version}, this Ekiden reads {SCHEMA_VERSION}; "
            "use the Ekiden that wrote it"
        )
    if application_id or connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
        raise StoreRefused(f"SQLite store {path}: the file belongs to another program")
    return True


def _create_schema(connection: sqlite3.Connection, path: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if _is_fresh(connection, path):  # another process may have been first
        connection.execute(SCHEMA)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")
