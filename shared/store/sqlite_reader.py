"""Reads a group of gets and listings. The gets of a group share one statement."""

import json
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from shared.errors import NotFound
from shared.store.base import Entry, Object
from shared.store.sqlite_errors import may_be_of_one_op, translate
from shared.store.sqlite_file import connect

_GET = """
SELECT key, body, version, modified FROM objects WHERE key IN (SELECT value FROM json_each(?))
"""

_LIST = """
SELECT json_group_array(json_array(key, size, modified)) FROM (
    SELECT key, size, modified FROM objects WHERE key > ? AND key < ? ORDER BY key LIMIT ?
)
"""
"""One row for a page: for every row the interpreter lock is let go of and fought for again."""

_LAST_CHARACTER = "\U0010ffff"


class Get(NamedTuple):
    key: str


class Page(NamedTuple):
    prefix: str
    start_after: str
    limit: int


class Reader:
    """The runner of the reading thread."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def run(self, ops: Sequence[Get | Page]) -> list[object]:
        """For each op the `Object`, the list of `Entry`, or the exception to raise."""
        try:
            if self._connection is None:
                self._connection = connect(self._path)
            return _read(self._connection, ops)
        except Exception as error:  # noqa: BLE001 - the thread's edge: it goes to the callers
            if len(ops) == 1 or not may_be_of_one_op(error):
                return [translate(error, self._path) for _ in ops]
        return [result for op in ops for result in self.run([op])]

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _read(connection: sqlite3.Connection, ops: Sequence[Get | Page]) -> list[object]:
    wanted = [op.key for op in ops if isinstance(op, Get)]
    found = _objects(connection, wanted) if wanted else {}
    return [
        found.get(op.key) or NotFound(op.key) if isinstance(op, Get) else _page(connection, op)
        for op in ops
    ]


def _objects(connection: sqlite3.Connection, keys: list[str]) -> dict[str, Object]:
    rows = connection.execute(_GET, (json.dumps(keys),))
    return {key: Object(body, str(version), modified) for key, body, version, modified in rows}


def _page(connection: sqlite3.Connection, op: Page) -> list[Entry]:
    bounds = (max(op.prefix, op.start_after), op.prefix + _LAST_CHARACTER, op.limit)
    (rows,) = connection.execute(_LIST, bounds).fetchone()
    return [Entry(*row) for row in json.loads(rows)]
