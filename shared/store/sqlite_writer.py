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

_CREATE = "INSERT INTO objects (key, modified, size, body) VALUES {}"
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

    def _commit(self, ops: Sequence[Write]) -> list[object]:
        if self._connection is None:
            self._connection = connect(self._path)
        try:
            return _write(self._connection, ops, ROWS_PER_STATEMENT)
        except sqlite3.IntegrityError:
            # A create that found its key taken has undone all that shared its statement.
            return _write(self._connection, ops, 1)


def _write(connection: sqlite3.Connection, ops: Sequence[Write], rows: int) -> list[object]:
    """All or nothing. At most `rows` ops share a statement."""
    results: list[object] = [None] * len(ops)
    statements = list(_statements(ops, rows))
    try:
        if len(statements) > 1:  # one alone is a transaction by itself
            connection.execute("BEGIN IMMEDIATE")
        for kind, places in statements:
            done = _execute(connection, kind, [ops[place] for place in places])
            for place, result in zip(places, done, strict=True):
                results[place] = result
        if len(statements) > 1:
            connection.execute("COMMIT")
    finally:
        if connection.in_transaction:  # SQLite ends it by itself on some errors
            connection.execute("ROLLBACK")
    return results


def _statements(ops: Sequence[Write], rows: int) -> Iterator[tuple[Kind, list[int]]]:
    """Which ops, by their places, each statement writes."""
    places: dict[Kind, list[int]] = {kind: [] for kind in Kind}
    for place, op in enumerate(ops):
        places[op.kind].append(place)
    for kind in (Kind.CREATE, Kind.PUT):
        for batch in _batches(ops, places[kind], rows):
            yield kind, batch
    for place in places[Kind.REPLACE]:
        yield Kind.REPLACE, [place]
    if places[Kind.DELETE]:
        yield Kind.DELETE, places[Kind.DELETE]


def _batches(ops: Sequence[Write], places: list[int], rows: int) -> Iterator[list[int]]:
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


def _execute(connection: sqlite3.Connection, kind: Kind, ops: list[Write]) -> list[object]:
    if kind is Kind.CREATE:
        return _create(connection, ops)
    if kind is Kind.PUT:
        return list(_insert(connection, _PUT, ops))
    if kind is Kind.REPLACE:
        return [_replace(connection, ops[0])]
    connection.execute(_DELETE, (json.dumps([key for op in ops for key in op.keys]),))
    return [None] * len(ops)


def _create(connection: sqlite3.Connection, ops: list[Write]) -> list[object]:
    try:
        return list(_insert(connection, _CREATE, ops))
    except sqlite3.IntegrityError as error:
        if len(ops) == 1 and error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_UNIQUE:
            return [AlreadyExists(ops[0].key)]
        raise


def _insert(connection: sqlite3.Connection, sql: str, ops: list[Write]) -> list[str]:
    """The ETags. One statement's versions follow each other, in the order of its rows."""
    modified = _now()
    values: list[object] = []
    for op in ops:
        values += (op.key, modified, len(op.body), op.body)
    last = connection.execute(_with_rows(sql, len(ops)), values).lastrowid or 0
    return [str(version) for version in range(last - len(ops) + 1, last + 1)]


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
