"""`ekiden doctor` as an operator types it."""

import asyncio
import json
import socket
import subprocess
import time
from pathlib import Path

import pytest
from ekiden_command import ekiden
from local_servers import url

from ekiden.doctor.checks import CHECKS
from ekiden.doctor.examine import examine
from ekiden.doctor.finding import Check, Finding, Scene, State, ok
from shared.config import load
from shared.errors import StoreRefused
from shared.store import open_store

NAMES = [check.name for check in CHECKS]
QUIET = {"EKIDEN_SEND_ROUTE": "demo:", "EKIDEN_SEND_NAMESERVERS": "127.0.0.1:9"}

WELL = ("--only", "store", "--only", "failed-work", "--only", "port-25")


def doctor(*words: str, store_url: str = "memory:") -> subprocess.CompletedProcess[str]:
    return ekiden("doctor", *words, store_url=store_url, **QUIET)


def examined(*checks: Check, only: tuple[str, ...] = ()) -> dict[str, list[Finding]]:
    async def run() -> dict[str, list[Finding]]:
        scene = Scene(load(None, {}), open_store("memory:"), time.time)
        return {each.check: each.findings for each in await examine(scene, checks, only)}

    return asyncio.run(run())


async def well(_: Scene) -> list[Finding]:
    return [ok("fine")]


async def refused(_: Scene) -> list[Finding]:
    raise StoreRefused("not you")


def test_every_check_says_something() -> None:
    ran = doctor("--json", "--within", "0.5")
    findings = json.loads(ran.stdout)
    assert list(dict.fromkeys(each["check"] for each in findings)) == NAMES
    assert {each["state"] for each in findings} <= set(State)
    assert set(findings[0]) == {"check", "state", "seen", "advice", "about"}


def test_it_ends_with_0_when_none_failed_and_1_when_one_did(tmp_path: Path) -> None:
    ran = doctor(*WELL)
    assert (ran.returncode, ran.stderr) == (0, "")
    ran = doctor(*WELL, store_url=f"sqlite:///{tmp_path}/none.db")
    assert ran.returncode == 1
    assert "failed   store: there is no file" in ran.stdout
    assert "skipped  failed-work: because the check `store` failed" in ran.stdout
    assert list(tmp_path.iterdir()) == []


def test_only_what_is_asked_for_is_reported() -> None:
    said = doctor("--only", "disk", "--only", "failed-work").stdout
    assert [line.split()[1] for line in said.splitlines()] == ["disk:", "failed-work:"]


def test_what_a_check_rests_on_is_looked_at_all_the_same(tmp_path: Path) -> None:
    said = doctor("--only", "failed-work", store_url=f"sqlite:///{tmp_path}/none.db").stdout
    assert said.startswith("skipped  failed-work")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["--only", "everything"], ["--smtp", "a b"], ["--only"]])
def test_a_wrong_word_is_refused_before_anything_is_looked_at(words: list[str]) -> None:
    ran = doctor(*words)
    assert ran.returncode != 0
    assert ran.stdout == ""
    assert "Traceback" not in ran.stderr


def test_a_store_that_hangs_ends_the_doctor_all_the_same() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        ran = ekiden(
            *("doctor", "--only", "store", "--only", "clock", "--within", "0.5"),
            store_url=url(endpoint),
            timeout_s=20,
            **QUIET,
        )
    assert ran.returncode == 1
    assert ran.stdout.count("failed ") == 2


def test_a_check_that_fails_hides_no_other() -> None:
    async def faulty(_: Scene) -> list[Finding]:
        raise KeyError("a fault of ours")

    async def hanging(_: Scene) -> list[Finding]:
        await asyncio.Event().wait()
        return []

    found = examined(
        Check("faulty", faulty, ""),
        Check("hanging", hanging, "", timeout_s=0.01),
        Check("refused", refused, ""),
        Check("well", well, ""),
    )
    assert [each[0].state for each in found.values()] == [State.FAILED] * 3 + [State.OK]
    assert found["refused"][0].seen == "not you"


def test_checks_run_side_by_side() -> None:
    met = asyncio.Barrier(2)

    async def meets(_: Scene) -> list[Finding]:
        await met.wait()
        return [ok("met")]

    found = examined(Check("one", meets, ""), Check("two", meets, ""))
    assert {each[0].seen for each in found.values()} == {"met"}


def test_what_rests_on_a_failed_check_is_skipped() -> None:
    found = examined(Check("first", refused, ""), Check("second", well, "", after="first"))
    assert found["second"][0].state is State.SKIPPED
    alone = examined(
        Check("first", refused, ""), Check("second", well, "", after="first"), only=("second",)
    )
    assert [*alone] == ["second"]
    assert alone["second"][0].state is State.SKIPPED


def test_every_check_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    for check in CHECKS:
        assert f"| `{check.name}` | {check.meaning} |" in text
