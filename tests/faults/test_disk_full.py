"""The disk is full: submit says so and keeps nothing by halves; with room again all goes on."""

import sqlite3
from pathlib import Path

import pytest
from station import BATCH, Here, run, running_station

from ekiden import relay
from functions.send import recorder
from shared import keys
from shared.errors import StoreUnavailable
from shared.store import sqlite_writer
from shared.store.sqlite_file import PAGE_SIZE_BYTES, connect

DISK_PAGES = 128


@pytest.fixture(autouse=True)
def _small_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect_to_small_disk(path: str) -> sqlite3.Connection:
        connection = connect(path)
        connection.execute(f"PRAGMA max_page_count = {DISK_PAGES}")
        return connection

    monkeypatch.setattr(sqlite_writer, "connect", connect_to_small_disk)
    monkeypatch.setattr(relay, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(relay, "LONGEST_PAUSE_S", 0.05)
    monkeypatch.setattr(recorder, "PAUSE_S", 0.01)


async def fill_up(here: Here, already: int = 0) -> list[str]:
    """Put ballast until nothing fits any more; return its keys."""
    ballast: list[str] = []
    for size_bytes in (16 * PAGE_SIZE_BYTES, PAGE_SIZE_BYTES, 100):
        while True:
            key = f"ballast/{already + len(ballast):04d}"
            try:
                await here.store.create(key, b"x" * size_bytes)
            except StoreUnavailable:
                break
            ballast.append(key)
    return ballast


def batch_of(count: int) -> dict[str, object]:
    rows = [{"email": f"r{n}@sink.example", "fields": {"name": str(n)}} for n in range(count)]
    return {**BATCH, "recipients": rows}


def test_a_submit_is_refused_with_its_reason_and_leaves_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with running_station(f"sqlite:///{tmp_path}/ekiden.db") as here:
            ballast = await fill_up(here)
            for headers in ({}, {"idempotency_key": "k1"}):
                answer = await here.call("POST", "/v1/batches", batch_of(50), **headers)
                assert (answer.status, answer.problem) == (503, "unavailable")
                assert "full" in answer.json["detail"]
                assert answer.headers["retry-after"]
            assert await here.keys(keys.SUBMITTED) == await here.keys("batches/") == []
            await here.store.delete(*ballast)
            batch = await here.submit(batch_of(50), idempotency_key="k1")
            assert (await here.done(batch))["outcomes"] == {"delivered": 50}

    run(story)


def test_what_was_accepted_before_goes_on_when_there_is_room(tmp_path: Path) -> None:
    async def story() -> None:
        async with running_station(
            f"sqlite:///{tmp_path}/ekiden.db", validate__bag_size="10", send__flush_outcomes="3"
        ) as here:
            batches = [await here.submit(batch_of(100)) for _ in range(3)]
            ballast: list[str] = []
            until = here.station.store.total + 300
            while here.station.store.total < until:  # the relay tries again and again
                ballast += await fill_up(here, len(ballast))
            await here.store.delete(*ballast)
            for batch in batches:
                assert (await here.done(batch))["outcomes"] == {"delivered": 100}
            await here.idle()
            assert {key.split("/")[0] for key in await here.keys()} == {
                "archive",
                "batches",
                "domains",
            }
            assert here.sink.accepted == 300, "and nothing twice"

    run(story)
