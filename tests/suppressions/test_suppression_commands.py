"""`ekiden suppression` and `ekiden address`, as an operator types them."""

import asyncio
import json
from pathlib import Path

import pytest
from ekiden_command import ekiden
from suppressed import NOW, addresses

from shared import keys, outcome
from shared.outcome import Outcome, State
from shared.store import open_store
from shared.store.base import list_all

DOMAIN = "example.org"
ANN = "ann@sink.example"
BATCH = "01hf7yat00abcdefghjkmnpqrs"


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/ekiden.db"
    assert ekiden("domain", "add", DOMAIN, store_url=url).returncode == 0
    return url


def stored(url: str, prefix: str) -> list[str]:
    async def read() -> list[str]:
        store = open_store(url)
        try:
            return [each.key async for each in list_all(store, prefix)]
        finally:
            await store.close()

    return asyncio.run(read())


def test_an_address_is_suppressed_and_written_to_again(store_url: str) -> None:
    assert (
        ekiden("suppression", "add", DOMAIN, "Ann@SINK.example", store_url=store_url).stdout == ""
    )
    assert (
        "Ann@sink.example  manual"
        in ekiden("suppression", "list", DOMAIN, store_url=store_url).stdout
    )
    for said in ("It may be written to again.\n", "It was not suppressed.\n"):
        assert ekiden("suppression", "remove", DOMAIN, ANN, store_url=store_url).stdout == said


def test_a_file_is_imported_listed_compacted_and_exported(store_url: str, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("\n".join([*addresses(2000), "broken", addresses(1)[0]]))
    ran = ekiden("suppression", "import", DOMAIN, str(file), store_url=store_url)
    assert (ran.returncode, ran.stdout) == (1, "2000 added, 1 known already, 1 invalid.\n")
    assert "line 2001: 'broken' is no mail address\n" in ran.stderr
    listed = ekiden("suppression", "list", DOMAIN, "--limit", "3", store_url=store_url).stdout
    assert len(listed.splitlines()) == 4
    ekiden("suppression", "add", DOMAIN, ANN, store_url=store_url)
    assert "0 folded" in ekiden("suppression", "compact", DOMAIN, store_url=store_url).stdout
    out = tmp_path / "out.csv"
    ran = ekiden("suppression", "export", DOMAIN, str(out), store_url=store_url)
    assert "2001 addresses.\n" in ran.stderr
    exported = {line.partition(",")[0] for line in out.read_text().splitlines()[1:]}
    assert exported == {*addresses(2000), ANN}
    again = ekiden("suppression", "import", DOMAIN, str(out), store_url=store_url)
    assert (again.returncode, again.stdout) == (0, "0 added, 2001 known already, 0 invalid.\n")
    to_terminal = ekiden("suppression", "export", DOMAIN, "-", store_url=store_url).stdout
    assert len(to_terminal.splitlines()) == 2002


@pytest.mark.parametrize(
    "words",
    [
        *(("add", DOMAIN, "nobody"), ("remove", DOMAIN, "nobody"), ("import", DOMAIN, "no-file")),
        *(("list", DOMAIN, "--reason", "spam"), ("export", DOMAIN, "/dev/full")),
        ("export", DOMAIN, "no/such/folder/out.csv"),
    ],
)
def test_what_cannot_be_meant_is_refused(store_url: str, words: tuple[str, ...]) -> None:
    ran = ekiden("suppression", *words, store_url=store_url)
    assert ran.returncode != 0
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("name", ["nowhere.example", DOMAIN.upper(), f"../{DOMAIN}", ""])
@pytest.mark.parametrize("command", ["add", "remove", "list", "import", "export", "compact"])
def test_a_domain_that_is_misspelled_is_named_and_nothing_is_written(
    store_url: str, tmp_path: Path, command: str, name: str
) -> None:
    file = tmp_path / "kept.csv"
    file.write_text(ANN)
    more = {"add": [ANN], "remove": [ANN], "import": [str(file)], "export": [str(file)]}
    before = stored(store_url, "")
    ran = ekiden("suppression", command, name, *more.get(command, []), store_url=store_url)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert f"no Domain is called {name!r}" in ran.stderr
    assert stored(store_url, "") == before
    assert file.read_text() == ANN


def test_keys_are_rotated_for_no_domain_that_is_not_there(store_url: str) -> None:
    before = stored(store_url, "")
    ran = ekiden("tracking", "nowhere.example", "--rotate", store_url=store_url)
    assert ran.returncode == 1
    assert "no Domain is called 'nowhere.example'" in ran.stderr
    assert stored(store_url, "") == before


def test_a_file_without_line_ends_is_imported_in_little_memory(
    store_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "zeros.csv"
    with file.open("wb") as made:
        made.truncate(50_000_000)
    ran = ekiden("suppression", "import", DOMAIN, str(file), store_url=store_url)
    assert (ran.returncode, ran.stdout) == (1, "0 added, 0 known already, 48 invalid.\n")


def test_an_address_is_shown_and_deleted(store_url: str, tmp_path: Path) -> None:
    part = keys.outcome_part(BATCH, 0, 0, 0)
    content = {"batch": BATCH, "domain": DOMAIN, "accepted_at": NOW, "due_at": NOW, "digest": ""}
    content |= {"accepted": 2, "sender": {"email": f"news@{DOMAIN}"}, "subject": "Hello"}
    line = Outcome(delivery=f"{BATCH}.0000.0000", recipient=ANN, outcome=State.DELIVERED, at=NOW)

    async def fill() -> None:
        store = open_store(store_url)
        await store.put(keys.content(BATCH), json.dumps(content).encode())
        await store.put(part, outcome.encode_lines([line]))
        await store.close()

    asyncio.run(fill())
    ekiden("suppression", "add", DOMAIN, ANN, store_url=store_url)
    shown = json.loads(ekiden("address", "export", DOMAIN, ANN, store_url=store_url).stdout)
    assert [each["outcomes"][0]["outcome"] for each in shown["batches"]] == ["delivered"]
    refused = ekiden("address", "delete", DOMAIN, ANN, store_url=store_url)
    assert refused.returncode == 1, "nobody said yes"
    done = ekiden("address", "delete", DOMAIN, ANN, "--yes", store_url=store_url)
    assert "1 rewritten, 0 deleted" in done.stdout
    assert "stays suppressed" in done.stdout
    file = tmp_path / "left.json"
    ekiden("address", "export", DOMAIN, ANN, "--output", str(file), store_url=store_url)
    left = json.loads(file.read_text())
    assert (left["batches"], left["events"]) == ([], [])
    assert left["suppression"]["reason"] == "manual"
    assert "email" not in left["suppression"] or left["suppression"]["email"] == ""
