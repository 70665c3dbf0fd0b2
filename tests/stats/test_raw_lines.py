"""docs/statistics.md says what the raw lines are, and its queries run."""

import asyncio
import gzip
import re
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from ekiden_command import ekiden
from mail_history import DOMAINS, START, history, recount
from raw_lines import write_out

from shared import feedback, keys
from shared.errors import Malformed, Temporary
from shared.feedback import Event
from shared.outcome import Outcome, decode_lines
from shared.stats import export
from shared.stats.compact import Compaction
from shared.stats.counts import KINDS
from shared.stats.export import Export
from shared.store import open_store
from shared.store.base import list_all
from shared.store.memory import MemoryStore
from shared.store.wrap import FlakyStore

PAGE = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text()
DAY_S = 86_400.0
DAY = keys.day(START + DAY_S)


def first_column(after: str) -> list[str]:
    """Of the table behind these words."""
    table = PAGE.split(after, 1)[1].split("\n|---", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)


def queries() -> list[str]:
    return re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("after", "model"), [("An Outcome:", Outcome), ("An event:", Event)])
def test_the_page_lists_every_field(after: str, model: type[msgspec.Struct]) -> None:
    fields = [field.encode_name for field in msgspec.structs.fields(model)]
    assert first_column(after) == fields


def test_the_page_explains_every_number() -> None:
    assert first_column("What the numbers say") == list(KINDS)


def test_the_sum_on_the_page_is_right() -> None:
    """accepted = delivered + (bounced - bounced_late) + failed + rejected + cancelled + open"""

    async def story() -> None:
        store = await filled(MemoryStore())
        total: Counter[str] = Counter()
        for (_, _, row, kind), number in (await recount(store)).items():
            total[kind] += number if not row else 0
        ended = sum(total[kind] for kind in ("delivered", "bounced", "failed", "rejected"))
        assert total["accepted"] == ended + total["cancelled"] - total["bounced_late"] > 0

    asyncio.run(story())


async def filled(store: Any) -> Any:
    """A store with some days of mail, counted."""
    await history(Random(3), batches=80).put_until(store, START + 100 * DAY_S)
    await Compaction(store, lambda: START + 100 * DAY_S, 60).round()
    return store


def asked(sql: str, folder: Path) -> list[tuple[Any, ...]]:
    duckdb = pytest.importorskip("duckdb", reason="the queries of the page run in DuckDB")
    local = sql.replace("s3://mail/", f"{folder}/").replace("'lake/", f"'{folder}/lake/")
    with duckdb.connect() as database:
        found: list[tuple[Any, ...]] = database.sql(local).fetchall()
    return found


def test_the_query_over_outcomes_counts_each_delivery_once(tmp_path: Path) -> None:
    store = asyncio.run(filled(MemoryStore()))
    asyncio.run(write_out(store, tmp_path))
    found = asked(queries()[0], tmp_path)

    async def deliveries() -> set[str]:
        parts = [e.key async for e in list_all(store, "batches/") if "/outcomes/" in e.key]
        return {line.delivery for p in parts for line in decode_lines((await store.get(p)).body)}

    assert sum(row[3] for row in found) == len(asyncio.run(deliveries()))


def test_the_query_over_events_counts_what_the_statistics_count(tmp_path: Path) -> None:
    store = asyncio.run(filled(MemoryStore()))
    asyncio.run(write_out(store, tmp_path))
    found = asked(queries()[1], tmp_path)
    counted: Counter[tuple[str, str, str]] = Counter()
    for (domain, hour, row, kind), number in asyncio.run(recount(store)).items():
        if not row and kind in ("opened", "clicked"):
            counted[domain, hour, kind] += number
    shown = {(domain, f"{hour:%Y-%m-%dT%H}", kind): times for domain, hour, kind, times, _ in found}
    assert shown == counted != {}


def test_the_query_over_an_export_counts_a_day(tmp_path: Path) -> None:
    store = asyncio.run(filled(MemoryStore()))
    done = asyncio.run(Export(store, tmp_path / "lake").day(DAY))
    found = asked(queries()[2], tmp_path)
    numbers = asyncio.run(recount(store))
    expected = {
        kind: sum(
            number
            for (_, hour, row, each), number in numbers.items()
            if each == kind and not row and hour.startswith(DAY)
        )
        for kind in ("delivered", "deferred", "bounced")
    }
    assert [sum(row[place] for row in found) for place in (2, 3, 4)] == list(expected.values())
    assert done.outcomes >= sum(expected.values()) > 0


def test_an_export_has_each_event_of_the_day(tmp_path: Path) -> None:
    store = asyncio.run(filled(MemoryStore()))
    done = asyncio.run(Export(store, tmp_path, DOMAINS[1]).day(DAY))

    async def there() -> list[Event]:
        prefix = keys.events_of_day(DOMAINS[1], DAY)
        names = [entry.key async for entry in list_all(store, prefix)]
        return [e for n in names for e in feedback.decode_lines((await store.get(n)).body)]

    place = tmp_path / "events" / f"domain={DOMAINS[1]}" / f"day={DAY}" / "part.jsonl.gz"
    written = feedback.decode_lines(gzip.decompress(place.read_bytes()))
    expected = asyncio.run(there())
    assert sorted(written, key=repr) == sorted(expected, key=repr) != []
    assert done.events == len(expected)
    assert not (tmp_path / "events" / f"domain={DOMAINS[0]}").exists()


def exported(folder: Path) -> dict[str, list[bytes]]:
    """File → its lines."""
    parts = folder.rglob("part.jsonl.gz*")
    return {str(e.relative_to(folder)): gzip.decompress(e.read_bytes()).splitlines() for e in parts}


def test_an_export_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    async def story() -> None:
        store = await filled(MemoryStore())
        await Export(store, tmp_path).day(DAY)
        before = exported(tmp_path)
        flaky = FlakyStore(store, Random(3), 0.1)
        with pytest.raises(Temporary):
            await Export(flaky, tmp_path).day(DAY)
        assert exported(tmp_path) == before != {}
        with pytest.raises(Temporary):
            await Export(flaky, tmp_path / "other").day(DAY)
        assert exported(tmp_path / "other") == {}

    asyncio.run(story())


def test_an_export_of_more_domains_than_a_process_has_files_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        store = await filled(MemoryStore())
        await Export(store, tmp_path / "many").day(DAY)
        monkeypatch.setattr(export, "MOST_OPEN", 1)
        await Export(store, tmp_path / "one").day(DAY)
        assert exported(tmp_path / "one") == exported(tmp_path / "many") != {}

    asyncio.run(story())


def test_an_export_leaves_out_what_nobody_can_read(tmp_path: Path) -> None:
    async def story() -> None:
        store = await filled(MemoryStore())
        done = await Export(store, tmp_path).day(DAY)
        for prefix in (keys.BATCHES, keys.EVENTS):
            spoilt = [e.key async for e in list_all(store, prefix) if e.key.endswith(".jsonl")]
            await store.put(spoilt[0].rpartition(".")[0] + "x.jsonl", b"garbage")
            await store.put(spoilt[-1], b'{"at":1e300}')
        again = await Export(store, tmp_path).day(DAY)
        assert 0 < again.outcomes <= done.outcomes

    asyncio.run(story())


def test_a_day_that_was_not_counted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="nothing was counted"):
        asyncio.run(Export(MemoryStore(), tmp_path).day("2026-11-21"))


def test_the_command_exports_days(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ekiden.db"

    async def fill() -> None:
        store = open_store(url)
        await filled(store)
        await store.close()

    asyncio.run(fill())
    days = ("--day", keys.day(START), "--day", DAY)
    ran = ekiden("stats", "export", str(tmp_path / "lake"), *days, store_url=url)
    assert ran.returncode == 0, ran.stderr
    assert re.match(r"\d+ Outcomes, \d+ events written to ", ran.stdout)
    parts = list((tmp_path / "lake").rglob("part.jsonl.gz"))
    assert {each.parent.name for each in parts} == {f"day={keys.day(START)}", f"day={DAY}"}


def test_the_command_says_where_it_cannot_write(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ekiden.db"

    async def fill() -> None:
        store = open_store(url)
        await filled(store)
        await store.close()

    asyncio.run(fill())
    (tmp_path / "file").touch()
    ran = ekiden("stats", "export", str(tmp_path / "file" / "lake"), "--day", DAY, store_url=url)
    assert ran.returncode == 1
    assert "lake cannot be written to: " in ran.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("words", [("--day", "yesterday"), (), ("--day", "2026-13-01")])
def test_the_command_refuses_what_is_no_day(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert ekiden("stats", "export", str(tmp_path), *words).returncode == 2
