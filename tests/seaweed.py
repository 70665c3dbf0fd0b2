"""The SeaweedFS of the stack, for tests; `conftest.py` makes a fixture of it."""

from infra.stack.seaweed import (
    ACCESS_KEY_ID,
    BUCKET,
    SEARCH_PATH,
    SECRET_ACCESS_KEY,
    Seaweed,
    SeaweedUnavailable,
    running_seaweed,
)

__all__ = [
    "ACCESS_KEY_ID",
    "BUCKET",
    "SEARCH_PATH",
    "SECRET_ACCESS_KEY",
    "Seaweed",
    "SeaweedUnavailable",
    "running_seaweed",
]
