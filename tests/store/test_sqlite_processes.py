"""SqliteStore when its process dies, and when several processes use one file."""

import asyncio
import subprocess
import sys
from pathlib import Path

from shared.errors import Changed
from shared.store import list_all
from shared.store.sqlite import SqliteStore

HERE = Path(__file__).parent


def start(script: str, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(HERE / script), *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def stored_keys(path: Path) -> list[str]:
    async def scenario() -> list[str]:
        store = SqliteStore(path)
        found = [entry.key async for entry in list_all(store, "")]
        for key in found[:: max(1, len(found) // 100)]:
            body = (await store.get(key)).body
            assert body in (b"x", key.encode() * 50)
        await store.close()
        return found

    return asyncio.run(scenario())


def test_every_acknowledged_object_outlives_a_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "objects.db"
    for life in ("first", "second", "third"):
        writer = start("acknowledging_writer.py", str(path), life)
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline() for _ in range(500)]
        writer.kill()
        acknowledged += writer.communicate()[0].splitlines(keepends=True)
        whole = {line.strip() for line in acknowledged if line.endswith("\n")}
        assert len(whole) >= 500
        assert whole <= set(stored_keys(path))


def test_processes_that_race_for_keys_share_them_without_overlap(tmp_path: Path) -> None:
    path = tmp_path / "objects.db"
    racers = [start("racing_creator.py", str(path)) for _ in range(3)]
    outputs = []
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for racer in racers:
        outputs.append(racer.communicate()[0])
        assert racer.returncode == 0
    won = [line.split()[0] for output in outputs for line in output.splitlines()]
    etags = [line.split()[1] for output in outputs for line in output.splitlines()]
    assert sorted(won) == stored_keys(path)
    assert len(won) == len(set(etags)) == 300


def test_what_one_store_wrote_another_sees_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        ours, theirs = SqliteStore(tmp_path / "o.db"), SqliteStore(tmp_path / "o.db")
        etag = await ours.create("a", b"1")
        assert (await theirs.get("a")).etag == etag
        await theirs.replace("a", b"2", etag)
        assert (await ours.get("a")).body == b"2"
        await ours.close()
        await theirs.close()

    asyncio.run(scenario())


def test_an_etag_never_comes_back_not_even_after_a_restart(tmp_path: Path) -> None:
    async def life(seen: set[str]) -> None:
        store = SqliteStore(tmp_path / "o.db")
        seen.add(await store.create("a", b"1"))
        seen.add(await store.put("a", b"1"))
        await store.delete("a")
        await store.close()

    async def stale(etags: set[str]) -> int:
        store = SqliteStore(tmp_path / "o.db")
        await store.create("a", b"1")
        tries = [store.replace("a", b"2", etag) for etag in etags]
        ends = await asyncio.gather(*tries, return_exceptions=True)
        await store.close()
        return sum(isinstance(end, Changed) for end in ends)

    seen: set[str] = set()
    for _ in range(3):
        asyncio.run(life(seen))
    assert len(seen) == 6
    assert asyncio.run(stale(seen)) == 6


def test_a_command_beside_a_server_takes_nothing_away_from_it(tmp_path: Path) -> None:
    """Whoever closes the file last removes its WAL: that must not be the one who came second."""
    path = tmp_path / "objects.db"

    def seen_by_another() -> str:
        other = start("other_process.py", str(path))
        return other.communicate()[0].strip()

    async def scenario() -> None:
        store = SqliteStore(path)
        await store.put("a", b"x")
        assert await store.list_page("") != []  # reader and writer have both opened the file
        assert seen_by_another() == "a"
        assert path.with_name("objects.db-wal").exists()
        await store.put("b", b"x")
        assert seen_by_another() == "a,b"
        await store.close()

    asyncio.run(scenario())
