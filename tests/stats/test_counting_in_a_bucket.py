"""Counting over a real S3 server, whose listings are in an order of its own; in a Station, which
counts by itself; and by command."""

import asyncio
import re
import time
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from ekiden_command import ekiden
from mail_history import (
    DAY_S,
    DOMAINS,
    HOUR_S,
    START,
    history,
    of_all,
    published,
    published_of_all,
    recount,
)
from seaweed import Seaweed
from station import BATCH, DOMAIN, Here, run, running_station

from functions.sweep import assemble as sweep
from shared import keys
from shared.config import load
from shared.provision import add_domain
from shared.stats.compact import Compaction
from shared.stats.counts import ALL, Counts
from shared.stats.publish import publish
from shared.stats.query import Question, answer
from shared.stats.ranges import asked
from shared.store import open_store

TWO: dict[str, Any] = {
    **BATCH,
    "tags": ["spring"],
    "recipients": [
        {"email": f"{name}@sink.example", "fields": {"name": name}} for name in ("ann", "gone")
    ],
}


def test_counts_over_seaweedfs_are_those_of_a_recount(seaweed: Seaweed) -> None:
    async def story() -> None:
        store = open_store(seaweed.url("stats"))
        mail = history(Random(11), batches=12)
        times = [START + n * 9 * HOUR_S for n in range(1, 25)]
        times += [times[-1] + later_s for later_s in (600, 1200, DAY_S, 5 * DAY_S, 40 * DAY_S)]
        for now in times:
            await mail.put_until(store, now)
            await Compaction(store, partial(float, now), 60).round()
        expected = await recount(store)
        assert await published(store) == expected
        assert await published_of_all(store) == of_all(expected)
        await store.close()

    asyncio.run(story())


def test_the_first_day_that_is_asked_for_is_found_in_seaweedfs(seaweed: Seaweed) -> None:
    """It lists what is behind a folder that is named, and not what is in it."""

    async def story() -> None:
        store = open_store(seaweed.url("firstday"))
        for day in ("2026-11-19", "2026-11-20", "2026-11-21"):
            table = {f"{day}T13": {ALL: Counts(delivered=int(day[-2:]))}}
            await publish(store, "window", 1, {DOMAIN: table}, [(DOMAIN, day)])
        for first, delivered in (("2026-11-20", 20), ("2026-11-19", 39), ("2026-11-18", 39)):
            span = asked(first, "2026-11-21", "day", START)
            found = await answer(store, DOMAIN, Question(span))
            assert found.lines[0].total.delivered == delivered
        await store.close()

    asyncio.run(story())


def refuse(recipient: str, _tries: int) -> str | None:
    return "550 5.1.1 no such user" if recipient.startswith("gone") else None


async def total(here: Here, query: str = "") -> dict[str, int]:
    answer = await here.call("GET", f"/v1/domains/{DOMAIN}/stats?grain=hour{query}")
    assert answer.status == 200, answer.json
    return {kind: n for kind, n in answer.json["lines"][0]["total"].items() if n}


def test_a_station_counts_what_it_sends() -> None:
    async def story() -> None:
        async with running_station(refuse=refuse, stats__interval="30ms") as here:
            await here.done(await here.submit(TWO))
            expected = {"accepted": 2, "delivered": 1, "bounced": 1, "bounced_hard": 1}
            while await total(here) != expected:  # noqa: ASYNC110 - it counts by its own timer
                await asyncio.sleep(0.02)
            assert await total(here, "&tag=spring") == expected

    run(story)


def test_the_sweep_as_a_function_counts(tmp_path: Path) -> None:
    async def story() -> None:
        store = open_store(f"sqlite:///{tmp_path}/ekiden.db")
        await history(Random(2)).put_until(store, START + 30 * DAY_S)
        config = load(environ={}, flags={})
        await sweep.sweeping(config, store, lambda: START + 30 * DAY_S).sweep()
        assert await published(store) == await recount(store)
        await store.close()

    asyncio.run(story())


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store with some days of mail."""
    url = f"sqlite:///{tmp_path}/ekiden.db"

    async def fill() -> None:
        store = open_store(url)
        for domain in DOMAINS:
            await add_domain(store, domain, ["ed25519-sha256"], START)
        now = time.time()
        mail = history(Random(5), span_s=5 * DAY_S, start=now - 8 * DAY_S)
        await mail.put_until(store, now - HOUR_S)
        await store.close()

    asyncio.run(fill())
    return url


def recounted(url: str, kind: str) -> int:
    """Of all Domains."""

    async def look() -> int:
        store = open_store(url)
        numbers = await recount(store)
        await store.close()
        return sum(n for (_, _, row, each), n in numbers.items() if not row and each == kind)

    return asyncio.run(look())


def test_the_command_counts_and_shows(url: str) -> None:
    ran = ekiden("stats", "compact", store_url=url)
    assert re.fullmatch(r"25 Batches, \d+ Outcomes, \d+ events objects counted\.\n", ran.stdout)
    ran = ekiden("stats", "all", "--since", "9d", "--grain", "hour", store_url=url)
    (in_all,) = re.findall(r"in all\D+(\d+)\D+(\d+)", ran.stdout)
    assert in_all == (str(recounted(url, "accepted")), str(recounted(url, "delivered")))
    assert len(re.findall(r"\d{4}-\d\d-\d\d \d\dh", ran.stdout)) >= 9 * 24
    assert "Complete until 20" in ran.stdout
    again = ekiden("stats", "compact", store_url=url)
    assert again.stdout == "0 Batches, 0 Outcomes, 0 events objects counted.\n"


def test_the_command_shows_lines(url: str) -> None:
    ekiden("stats", "compact", store_url=url)
    ran = ekiden("stats", "all", "--since", "9d", "--by", "domain", "--all", store_url=url)
    assert [name for name in DOMAINS if name in ran.stdout] == list(DOMAINS)
    one = ekiden("stats", "show", DOMAINS[0], "--by", "recipient_domain", store_url=url)
    assert "gmail.example" in one.stdout
    assert "accepted" in one.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("nobody.example",),
        (DOMAINS[0], "--since", "yesterday"),
        (DOMAINS[0], "--grain", "week"),
        (DOMAINS[0], "--by", "recipient_domain", "--tag", "spring"),
        (DOMAINS[0], "--by", "domain"),
        (DOMAINS[0], "--by", "nonsense"),
        (DOMAINS[0], "--since", "99999w"),
        ("all", "--by", "tag"),
        ("all", "--tag", "spring"),
        (keys.ALL_DOMAINS,),
    ],
)
def test_the_command_refuses_what_it_cannot_show(url: str, words: tuple[str, ...]) -> None:
    ran = ekiden("stats", *words, store_url=url)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("ekiden: ")
    assert "domains/" not in ran.stderr, "a person knows no keys"


def test_what_goes_into_a_file_is_never_cut_off(url: str) -> None:
    ekiden("stats", "compact", store_url=url)
    ran = ekiden("stats", "all", "--since", "9d", store_url=url, COLUMNS="60")
    assert "unsubscribed" in ran.stdout
    assert "…" not in ran.stdout
