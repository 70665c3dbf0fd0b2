"""The checks of the store itself."""

import asyncio
import socket
import time
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path

import pytest
from examination import check, only, web_server
from local_servers import url
from seaweed import Seaweed

from ekiden.doctor.finding import State
from ekiden.doctor.stores import judge_room, judge_skew
from shared.config_kinds import GIB
from shared.store import open_store
from shared.store.base import list_all

BROKEN = url("http://127.0.0.1:9")


def test_a_bucket_that_answers_is_well(seaweed: Seaweed) -> None:
    finding = only(check("store", seaweed.url("doctor")))
    assert (finding.state, finding.advice) == (State.OK, "")
    assert "ekiden-test-secret" not in finding.seen


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    store_url = f"sqlite:///{tmp_path}/ekiden.db"
    (tmp_path / "ekiden.db").touch()
    assert only(check("store", store_url)).state is State.OK
    assert only(check("conditional-puts", store_url)).state is State.OK

    async def left() -> list[str]:
        store = open_store(store_url)
        try:
            return [entry.key async for entry in list_all(store, "")]
        finally:
            await store.close()

    assert asyncio.run(left()) == []


def test_wrong_credentials_are_said(seaweed: Seaweed) -> None:
    finding = only(check("store", replace(seaweed, secret_access_key="wrong").url()))
    assert finding.state is State.FAILED
    assert "SignatureDoesNotMatch" in finding.seen
    assert "credentials" in finding.advice


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    finding = only(check("store", f"sqlite:///{tmp_path}/ekiden.db"))
    assert finding.state is State.FAILED
    assert finding.advice == "make it: ekiden bucket init"
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_hangs_does_not_hang_the_doctor() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store_url = url(f"http://127.0.0.1:{silent.getsockname()[1]}")
        for name in ("store", "conditional-puts", "clock", "notifications", "lifecycle"):
            finding = only(check(name, store_url, timeout_s=0.2))
            assert (finding.state, finding.seen) == (State.FAILED, "no answer within 0.2 s")


def test_conditional_puts_are_honoured(seaweed: Seaweed) -> None:
    assert only(check("conditional-puts", seaweed.url("doctor"))).state is State.OK


def test_a_store_that_ignores_conditions_fails(gateway: str) -> None:
    finding = only(check("conditional-puts", url(gateway)))
    assert finding.state is State.FAILED
    assert "overwrites an object on a create-only put" in finding.seen


def test_two_clocks_that_agree_are_well(seaweed: Seaweed) -> None:
    assert only(check("clock", seaweed.url())).state is State.OK


def test_a_clock_an_hour_ahead_fails() -> None:
    with web_server(date=formatdate(time.time() + 3600, usegmt=True)) as endpoint:
        finding = only(check("clock", url(endpoint)))
    assert finding.state is State.FAILED
    assert "ahead of ours" in finding.seen


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Foo 2026 25:00:00 GMT"])
def test_a_server_without_a_date_fails(date: str) -> None:
    with web_server(status=403, date=date) as endpoint:
        finding = only(check("clock", url(endpoint)))
    assert finding.state is State.FAILED
    assert "sends no date" in finding.seen


def test_no_server_has_no_clock() -> None:
    assert only(check("clock", BROKEN)).state is State.FAILED


@pytest.mark.parametrize(
    ("skew_s", "state"),
    [
        (0, State.OK),
        (-1.9, State.OK),
        (2.1, State.WARNING),
        (-29, State.WARNING),
        (31, State.FAILED),
        (-86400, State.FAILED),
    ],
)
def test_the_skew_decides(skew_s: float, state: State) -> None:
    assert judge_skew(skew_s).state is state


def test_a_store_on_this_machine_has_one_clock_and_a_bucket_no_disk(tmp_path: Path) -> None:
    assert only(check("clock", f"sqlite:///{tmp_path}/x.db")).state is State.SKIPPED
    assert only(check("disk", BROKEN)).state is State.SKIPPED


def test_a_disk_with_room_is_well_and_a_full_one_is_not(tmp_path: Path) -> None:
    assert "GiB free" in only(check("disk", f"sqlite:///{tmp_path}/x.db")).seen
    assert judge_room(2 * GIB, "/").state is State.OK
    assert judge_room(GIB - 1, "/").state is State.WARNING


def test_a_folder_that_is_not_there_fails(tmp_path: Path) -> None:
    assert only(check("disk", f"sqlite:///{tmp_path}/no/x.db")).state is State.FAILED
