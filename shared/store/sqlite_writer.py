"""Writes a group of puts and deletes in one transaction, each condition decided inside.

The calls of a group wait for it together, so none has been answered yet, and any order among
them is a legal one: creates, puts, replaces, deletes. Rows of one kind share a statement.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from functools import cache
from typing import NamedTuple

from shared.errors import AlreadyExists, Changed
from shared.store.sqlite_errors import may_be_of_one_op, translate
from shared.store.sqlite_file import connect

ROWS_PER_STATEMENT = 64
"""As many calls as are usually waiting; SQLite keeps one prepared statement per number of rows."""

BODIES_PER_STATEMENT_BYTES = 4 << 20
"""SQLite copies what a statement binds."""

_CREATE = "INSERT INTO objects (key, modified, size, body) VALUES {} ON CONFLICT (key) DO NOTHING"
_PUT = "INSERT OR REPLACE INTO objects (key, modified, size, body) VALUES {}"
_REPLACE = """
INSERT OR REPLACE INTO objects (key, modified, size, body)
SELECT key, ?, ?, ? FROM objects WHERE key = ? AND version = ?
"""
_DELETE = "DELETE FROM objects WHERE key IN (SELECT value FROM json_each(?))"


class Kind(Enum):
    CREATE = auto()
    PUT = auto()
    REPLACE = auto()
    DELETE = auto()


class Write(NamedTuple):
    """One call. A delete names any number of keys, everything else one."""

    kind: Kind
    key: str
    body: bytes = b""
    etag: str = ""
    keys: tuple[str, ...] = ()


class _Collision(Exception):
    """Of several creates in one statement, at least one found its key taken."""


class Writer:
    """The runner of the writing thread."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def run(self, ops: Sequence[Write]) -> list[object]:
        """For each op the new ETag, None for a delete, or the exception to raise."""
        try:
            return self._commit(ops)
        except Exception as error:  # noqa: BLE001 - the thread's edge: it goes to the callers
            if len(ops) == 1 or not may_be_of_one_op(error):
                return [translate(error, self._path) for _ in ops]
        return [result for op in ops for result in self.run([op])]

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _commit(self, ops: Sequence[Write]) -> list[object]:
        if self._connection is None:
            self._connection = connect(self._path)
        try:
            return _in_one_transaction(self._connection, ops, ROWS_PER_STATEMENT)
        except _Collision:
            # Which of them did, one statement for all does not tell: undone, and one by one.
            return _in_one_transaction(self._connection, ops, 1)


def _in_one_transaction(
    connection: sqlite3.Connection, ops: Sequence[Write], rows: int
) -> list[object]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        results = _write(connection, ops, rows)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:  # SQLite ends it by itself on some errors
            connection.execute("ROLLBACK")
    return results


def _write(connection: sqlite3.Connection, ops: Sequence[Write], rows: int) -> list[object]:
    results: list[object] = [None] * len(ops)
    places: dict[Kind, list[int]] = {kind: [] for kind in Kind}
    for place, op in enumerate(ops):
        places[op.kind].append(place)
    for kind, sql in ((Kind.CREATE, _CREATE), (Kind.PUT, _PUT)):
        for batch in _batches(ops, places[kind], rows):
            written = _insert(connection, sql, [ops[place] for place in batch])
            for place, result in zip(batch, written, strict=True):
                results[place] = result
    for place in places[Kind.REPLACE]:
        results[place] = _replace(connection, ops[place])
    gone = [key for place in places[Kind.DELETE] for key in ops[place].keys]
    if gone:
        connection.execute(_DELETE, (json.dumps(gone),))
    return results


def _batches(ops: Sequence[Write], places: list[int], rows: int) -> Iterator[list[int]]:
    """The places of the ops that share a statement."""
    batch: list[int] = []
    size_bytes = 0
    for place in places:
        body_bytes = len(ops[place].body)
        if batch and (len(batch) == rows or size_bytes + body_bytes > BODIES_PER_STATEMENT_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(place)
        size_bytes += body_bytes
    if batch:
        yield batch


def _insert(connection: sqlite3.Connection, sql: str, ops: list[Write]) -> list[object]:
    modified = _now()
    values: list[object] = []
    for op in ops:
        values += (op.key, modified, len(op.body), op.body)
    cursor = connection.execute(_with_rows(sql, len(ops)), values)
    if cursor.rowcount == len(ops) and cursor.lastrowid is not None:
        # One statement under the write lock: its versions follow each other, in its rows' order.
        return [str(cursor.lastrowid - behind) for behind in reversed(range(len(ops)))]
    if len(ops) > 1:
        raise _Collision
    return [AlreadyExists(ops[0].key)]


@cache
def _with_rows(sql: str, rows: int) -> str:
    return sql.format(", ".join(["(?, ?, ?, ?)"] * rows))


def _replace(connection: sqlite3.Connection, op: Write) -> object:
    values = (_now(), len(op.body), op.body, op.key, op.etag)
    cursor = connection.execute(_REPLACE, values)
    return str(cursor.lastrowid) if cursor.rowcount == 1 else Changed(op.key)


def _now() -> float:
    """To the millisecond: what a listing's JSON carries without loss."""
    return round(time.time(), 3)
