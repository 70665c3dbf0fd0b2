"""What is past its time goes, where no bucket's rule does it."""

import asyncio
from pathlib import Path

from ekiden.expiry import Expiry
from shared.config import load
from shared.layout import DAY_S, EXPIRES_AFTER_S
from shared.store.base import list_all
from shared.store.memory import MemoryStore

NOW = 1_800_000_000.0


class Place:
    def __init__(self, url: str) -> None:
        self.now = NOW
        self.store = MemoryStore(lambda: self.now)
        config = load(environ={}, flags={"store.url": url})
        self.expiry = Expiry(config, self.store, lambda: self.now)

    def put(self, *keys: str) -> None:
        for key in keys:
            asyncio.run(self.store.put(key, b"x"))

    def left(self) -> set[str]:
        asyncio.run(self.expiry.run_if_due())

        async def read() -> set[str]:
            return {entry.key async for entry in list_all(self.store, "")}

        return asyncio.run(read())


def test_each_kind_lives_as_long_as_the_layout_says(tmp_path: Path) -> None:
    for prefix, age_s in EXPIRES_AFTER_S.items():
        place = Place(f"sqlite:///{tmp_path}/e.db")
        place.put(f"{prefix}old", "domains/example.org/domain.json", "failed/send/x.json")
        place.now = NOW + age_s - 1
        assert f"{prefix}old" in place.left()
        place.now = NOW + age_s + DAY_S + 1
        assert place.left() == {"domains/example.org/domain.json", "failed/send/x.json"}


def test_it_is_done_once_a_day() -> None:
    place = Place("memory:")
    assert place.left() == set()
    place.put("probe/x")
    place.now += DAY_S - 1
    assert place.left() == {"probe/x"}


def test_a_bucket_has_rules_of_its_own() -> None:
    place = Place("s3://b?endpoint=http://127.0.0.1:1")
    place.put("probe/x")
    place.now += 1000 * DAY_S
    assert place.left() == {"probe/x"}


def test_a_clock_that_was_ahead_once_does_not_stop_it() -> None:
    place = Place("memory:")
    place.now += 500 * DAY_S
    assert place.left() == set()
    place.now = NOW
    place.put("probe/x")
    place.now += DAY_S + 1
    assert place.left() == set()
