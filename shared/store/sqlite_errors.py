"""Every sqlite3 error, mapped to ours. No other file translates one."""

import sqlite3

from shared.errors import EkidenError, StoreRefused, StoreUnavailable

PASSING = {
    sqlite3.SQLITE_ABORT,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_SCHEMA,
}
"""Primary result codes that another try may get past: a full disk is emptied, a lock let go."""

LASTING = {
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_EMPTY,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_INTERNAL,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_MISUSE,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_NOTFOUND,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_RANGE,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_TOOBIG,
}
"""Primary result codes that say that the file, our rights on it or our SQL are wrong."""


def translate(error: Exception, path: str) -> Exception:
    """Our error for a sqlite3 error; any other exception unchanged: it is a fault in our code."""
    if not isinstance(error, (sqlite3.Error, sqlite3.Warning)):
        return error
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    kind = StoreUnavailable if primary_code(error) in PASSING else StoreRefused
    return kind(f"SQLite store {path}: {error} ({name})")


def may_be_of_one_op(error: Exception) -> bool:
    """Whether the rest of the group may succeed without the op that failed: a body may be too large
    for the disk, a page corrupt, a value of the wrong type."""
    code = primary_code(error)
    return not isinstance(error, EkidenError) and (
        code == sqlite3.SQLITE_FULL or code not in PASSING
    )


def primary_code(error: Exception) -> int | None:
    """The family of an extended result code; None if SQLite itself did not fail."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
