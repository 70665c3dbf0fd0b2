"""Logs for machines: one JSON object a line, with the words of the bucket's map.

    {"time": "2026-11-21T16:15:44.223Z", "level": "info", "logger": "ekiden.event",
     "message": "…", "stage": "validate", "key": "submitted/…", "batch": "…", "trace_id": "…"}

What a function is working on is said once, with `about`, and stands in every line that is written
meanwhile, whoever writes it.
"""

import logging
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import msgspec

FIELDS = ("stage", "key", "batch", "trace_id", "status", "duration_ms")
"""Beside time, level, logger and message; each only where it is known."""

_FOREIGN = ("uvicorn.error", "gunicorn.error")
"""They would write lines of their own form."""

_about: ContextVar[Mapping[str, Any]] = ContextVar("about")


@contextmanager
def about(**fields: Any) -> Iterator[None]:
    """All that is logged in here is about this; names as in `FIELDS`."""
    token = _about.set({**_about.get({}), **fields})
    try:
        yield
    finally:
        _about.reset(token)


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= _about.get({})
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return _encoded(line)


def _encoded(line: dict[str, object]) -> str:
    try:
        return msgspec.json.encode(line, enc_hook=repr).decode()
    except UnicodeEncodeError:  # half of a surrogate pair, from somebody's bytes
        readable = {
            name: str(value).encode(errors="backslashreplace").decode()
            for name, value in line.items()
        }
        return msgspec.json.encode(readable).decode()


def set_up(level: str, formatter: logging.Formatter | None = None) -> None:
    """Write everything of at least `level` to standard error; as JSON lines by default."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter or JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def set_up_function(level: str, formatter: logging.Formatter | None = None) -> None:
    """The same for a function, whose web servers have begun to log before it."""
    set_up(level, formatter)
    for name in _FOREIGN:
        foreign = logging.getLogger(name)
        foreign.handlers = []
        foreign.propagate = True
