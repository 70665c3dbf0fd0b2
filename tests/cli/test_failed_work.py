"""`ekiden failed` and `ekiden backlog`, as an operator types them at 3 a.m."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from test_commands import ekiden

from shared import keys
from shared.errors import Malformed
from shared.stage import fail
from shared.store import open_store
from shared.store.base import Store, list_all

BATCH = "01hf7yat00abcdefghjkmnpqrs"
OTHER = "01hf7yat00abcdefghjkmnpqrt"


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """Two Bags that could not be dispatched, and an upload that could not be read."""
    url = f"sqlite:///{tmp_path}/ekiden.db"

    async def act(store: Store) -> None:
        for batch in (BATCH, OTHER):
            await failing(store, "dispatch", keys.validated(batch, 0), b'{"rows":[]}')
        await failing(store, "submit", "inbox/example.org/x.json", b"{torn")

    with_store(url, act)
    return url


async def failing(store: Store, stage: str, key: str, body: bytes) -> None:
    await store.put(key, body)
    await fail(stage, store, time.time, key, body, Malformed(f"no good: {stage}"), 3)


def put(url: str, key: str, body: bytes) -> None:
    async def act(store: Store) -> None:
        await store.put(key, body)

    with_store(url, act)


def with_store(url: str, act: Any) -> Any:
    async def run() -> Any:
        store = open_store(url)
        try:
            return await act(store)
        finally:
            await store.close()

    return asyncio.run(run())


def stored(url: str, prefix: str = "") -> list[str]:
    async def read(store: Store) -> list[str]:
        return [entry.key async for entry in list_all(store, prefix)]

    found: list[str] = with_store(url, read)
    return found


def test_a_list_says_what_failed_when_and_why(store_url: str) -> None:
    said = ekiden("failed", "list", store_url=store_url).stdout
    assert "Malformed: no good: dispatch" in said
    assert keys.failed("dispatch", keys.validated(BATCH, 0)) in said
    assert said.endswith("3 failed.\n")


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (["--stage", "dispatch"], 2),
        (["--batch", BATCH], 1),
        (["--cause", "Malformed"], 3),
        (["--cause", "NotFound"], 0),
        (["--since", "1h"], 3),
        (["--stage", "submit", "--batch", BATCH], 0),
    ],
)
def test_a_list_shows_what_fits(words: list[str], number: int, store_url: str) -> None:
    said = ekiden("failed", "list", *words, store_url=store_url).stdout
    assert said.endswith(f"{number} failed.\n")


def test_one_failure_is_shown_with_the_work(store_url: str) -> None:
    (key,) = stored(store_url, "failed/submit/")
    said = ekiden("failed", "show", key, store_url=store_url).stdout
    assert "Malformed: no good: submit" in said
    assert "after 3 tries" in said
    assert "{torn" in said


def test_replayed_work_lies_in_front_of_its_stage_again(store_url: str) -> None:
    key = keys.failed("dispatch", keys.validated(BATCH, 0))
    assert ekiden("failed", "replay", key, store_url=store_url).stdout == "1 replayed.\n"
    assert stored(store_url, keys.VALIDATED) == [keys.validated(BATCH, 0)]
    assert len(stored(store_url, keys.FAILED)) == 2


def test_many_are_replayed_at_once(store_url: str) -> None:
    words = ("failed", "replay", "--all", "--stage", "dispatch")
    assert ekiden(*words, store_url=store_url).stdout == "2 replayed.\n"
    assert len(stored(store_url, keys.VALIDATED)) == 2


def test_discarded_work_is_gone(store_url: str) -> None:
    words = ("failed", "discard", "--all", "--batch", OTHER)
    assert ekiden(*words, store_url=store_url).stdout == "1 discarded.\n"
    assert not [key for key in stored(store_url) if OTHER in key]


def test_what_is_unreadable_is_shown_and_stops_no_other(store_url: str) -> None:
    put(store_url, "failed/submit/note.txt", b"an operator's note")
    said = ekiden("failed", "list", store_url=store_url).stdout
    assert "Unreadable: failed/submit/note.txt is no failure" in said
    assert said.endswith("4 failed.\n")
    ran = ekiden("failed", "replay", "--all", store_url=store_url)
    assert (ran.returncode, ran.stdout) == (1, "3 replayed.\n")
    assert "not replayed: failed/submit/note.txt" in ran.stderr
    ran = ekiden("failed", "discard", "failed/submit/note.txt", store_url=store_url)
    assert (ran.returncode, ran.stdout) == (0, "1 discarded.\n")
    assert stored(store_url, keys.FAILED) == []


def test_a_failure_stays_where_other_work_lies_at_its_place(store_url: str) -> None:
    work = keys.validated(BATCH, 0)
    put(store_url, work, b"another")
    ran = ekiden("failed", "replay", "--all", "--stage", "dispatch", store_url=store_url)
    assert (ran.returncode, ran.stdout) == (1, "1 replayed.\n")
    assert f"{work} is open work already" in ran.stderr
    assert keys.failed("dispatch", work) in stored(store_url)


@pytest.mark.parametrize("watch", ["-3", "nan", "inf", "1e300"])
def test_a_time_that_nobody_can_watch_is_refused(watch: str, store_url: str) -> None:
    ran = ekiden("backlog", "--watch", watch, store_url=store_url)
    assert (ran.returncode, "Traceback" in ran.stderr) == (2, False)
    assert "--watch" in ran.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["failed", "replay"],
        ["failed", "discard", "submitted/x.json"],
        ["failed", "discard", "failed/none"],
        ["failed", "discard", "some-key", "--all"],
        ["failed", "list", "--stage", "dispach"],
        ["failed", "list", "--since", "soon"],
        ["failed", "show", "failed/none"],
    ],
)
def test_a_wrong_word_changes_nothing(words: list[str], store_url: str) -> None:
    before = stored(store_url)
    ran = ekiden(*words, store_url=store_url)
    assert ran.returncode != 0
    assert "Traceback" not in ran.stderr
    assert stored(store_url) == before


def test_a_backlog_counts_what_is_open_waits_and_failed(store_url: str) -> None:
    said = ekiden("backlog", store_url=store_url).stdout
    rows = {line.split("│")[1].strip(): line for line in said.splitlines() if "│" in line}
    assert rows["failed"].split("│")[2].strip() == "3"
    assert rows["send"].split("│")[2].strip() == "0"
    ekiden("failed", "replay", "--all", store_url=store_url)
    said = ekiden("backlog", "--watch", "0.1", store_url=store_url).stdout
    assert "a second" in said
