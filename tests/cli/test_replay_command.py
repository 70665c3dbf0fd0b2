"""`ekiden replay`, as an operator types it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from station import BATCH, WAIT_S, Here, running_station
from test_commands import ekiden

from shared import keys

T = TypeVar("T")
NOBODYS = "01hf7yat00abcdefghjkmnpqrs"
PEOPLE = [{"email": f"r{n}@sink.example", "fields": {"name": n}} for n in range(5)]


def run(act: Callable[[Here], Awaitable[T]], store_url: str, **options: str) -> T:
    """What a Station over this store does."""

    async def bounded() -> T:
        async with running_station(store_url, **options) as here:
            return await asyncio.wait_for(act(here), 2 * WAIT_S)

    return asyncio.run(bounded())


def test_a_batch_replayed_from_any_stage_is_sent_to_nobody_twice(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ekiden.db"

    async def first(here: Here) -> str:
        batch = await here.submit({**BATCH, "recipients": PEOPLE})
        await here.done(batch)
        return batch

    async def again(here: Here) -> int:
        await here.idle()
        assert await here.keys(keys.DISPATCHED) == []
        return len(here.sink.received)

    batch = run(first, store_url=url, validate__bag_size="2")
    shown = ekiden("replay", batch, "--from", "send", "--dry-run", store_url=url)
    assert "Webhooks hear of what is recorded once more" in shown.stdout
    for stage, objects in (("validate", 1), ("dispatch", 3), ("send", 3)):
        ran = ekiden("replay", batch, "--from", stage, store_url=url)
        assert ran.stdout.endswith(f"{objects} written.\n"), ran.stderr
        assert "5 delivered stay as they are" in ran.stdout
        assert run(again, store_url=url) == 0


def test_what_was_lost_on_the_way_is_sent_after_all(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ekiden.db"

    async def lose(here: Here) -> str:
        batch = await here.submit({**BATCH, "recipients": PEOPLE})
        await here.idle()
        await here.store.delete(*await here.keys(keys.VALIDATED))
        return batch

    async def found(here: Here) -> int:
        await here.idle()
        return len({each.recipient for each in here.sink.received})

    off = {"services__dispatch": "off", "services__send": "off"}
    batch = run(lose, store_url=url, validate__bag_size="2", **off)
    shown = ekiden("replay", batch, "--from", "send", "--dry-run", store_url=url)
    assert shown.stdout.count("not there") == 4  # three Bags, and the sum
    assert "5 are open" in shown.stdout
    assert "Webhooks" not in shown.stdout  # nothing is recorded
    assert "nothing was written" in shown.stdout
    assert run(found, store_url=url) == 0
    ekiden("replay", batch, "--from", "dispatch", store_url=url)
    assert run(found, store_url=url) == 5


def test_a_dry_run_shows_how_it_differs_and_writes_files(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ekiden.db"

    async def stop_before_send(here: Here) -> str:
        batch = await here.submit(BATCH)
        await here.idle()
        return batch

    batch = run(stop_before_send, store_url=url, services__send="off")
    ekiden("suppression", "add", "example.org", "ann@sink.example", store_url=url)
    words = ("replay", batch, "--from", "send", "--dry-run", "--output", str(tmp_path / "out"))
    ran = ekiden(*words, store_url=url)
    assert "differs" in ran.stdout
    assert '+  "rejected": "suppressed"' in ran.stdout
    written = (tmp_path / "out" / keys.dispatched(batch, 0, 0)).read_text()
    assert '"rejected":"suppressed"' in written


def test_a_word_that_means_nothing_is_one_line(tmp_path: Path) -> None:
    ran = ekiden("replay", "nonsense", "--from", "send", store_url=f"sqlite:///{tmp_path}/e.db")
    assert ran.returncode == 1
    assert ran.stderr.startswith("ekiden: 'nonsense' is neither a Batch")


def test_a_batch_that_is_not_there_is_named_with_its_store(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ekiden.db"

    async def nothing(here: Here) -> None:
        await here.idle()

    run(nothing, store_url=url)
    unknown = ekiden("replay", NOBODYS, "--from", "send", store_url=url)
    assert unknown.returncode == 1
    assert unknown.stderr == f"ekiden: there is no Batch {NOBODYS} in {url}\n"


def test_a_wrong_path_makes_no_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/elsewhere.db"
    for word in (NOBODYS, keys.dispatched(NOBODYS, 0, 0), "inbound/x.eml"):
        ran = ekiden("replay", word, *(["--from", "send"] * (word == NOBODYS)), store_url=url)
        assert ran.returncode == 1
        assert ran.stderr.count("\n") == 1
        assert f"in {url}: there is no such file" in ran.stderr
    assert list(tmp_path.iterdir()) == []
