"""`ekiden queue`, and what a Domain's mail does: `ekiden domain route|pools|receives`."""

import asyncio
import subprocess
from pathlib import Path

import pytest
from free_ports import free_port
from pod_process import ekiden

from functions.send.bagfile import encode_bag
from shared import keys, pauses
from shared.domains import Directory, Domain
from shared.model import BagHeader
from shared.store import open_store
from shared.store.base import Store

NAME = "example.org"
BATCH = "01hf7yat00abcdefghjkmnpqrs"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ekiden.db"


def in_store(url: str, act):  # type: ignore[no-untyped-def]
    async def run():  # type: ignore[no-untyped-def]
        store = open_store(url)
        try:
            return await act(store)
        finally:
            await store.close()

    return asyncio.run(run())


def domain(url: str) -> Domain:
    found = in_store(url, lambda store: Directory(store, lambda: 0.0).domain(NAME))
    assert isinstance(found, Domain)
    return found


def reasons(url: str) -> dict[str, str]:
    return {name: each.reason for name, each in in_store(url, pauses.read).items()}


def run(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    return ekiden(*words, store_url=url)


# Pausing.


def test_a_destination_is_paused_and_resumed(url: str) -> None:
    ran = run(url, "queue", "pause", "Google.com", "--reason", "too many complaints")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert reasons(url) == {"google.com": "too many complaints"}
    shown = run(url, "queue", "--url", f"http://127.0.0.1:{free_port()}")
    assert "Paused: google.com (too many complaints)" in shown.stdout
    assert run(url, "queue", "resume", "google.com").returncode == 0
    assert reasons(url) == {}


def test_pausing_twice_keeps_the_later_reason(url: str) -> None:
    run(url, "queue", "pause", "a.test", "--reason", "first")
    run(url, "queue", "pause", "a.test", "--reason", "second")
    assert reasons(url) == {"a.test": "second"}


def test_what_is_not_paused_may_be_resumed(url: str) -> None:
    assert run(url, "queue", "resume", "nobody.test").returncode == 0


def test_without_a_sender_the_store_is_shown_and_what_to_do(url: str) -> None:
    async def put(store: Store) -> None:
        body = encode_bag(BagHeader(batch=BATCH, bag=0, attempt=0, domain=NAME, due_at=0.0), [])
        work = keys.dispatched(BATCH, 0, 0)
        await store.put(work, body)
        await store.put(keys.waiting(1_800_000_000.0, keys.dispatched(BATCH, 1, 1)), body)
        await store.put(keys.waiting(1_800_000_000.0, keys.validated(BATCH, 2)), b"{}")

    in_store(url, put)
    ran = run(url, "queue", "--url", f"http://127.0.0.1:{free_port()}")
    assert ran.returncode == 1
    assert "1 Bags to be sent; 1 wait for a later time, the first until 20270115T080000Z" in (
        ran.stdout
    )
    assert "metrics.port" in ran.stdout
    assert "Traceback" not in ran.stderr


def test_a_pause_that_cannot_be_read_stops_no_command(url: str) -> None:
    in_store(url, lambda store: store.put(keys.paused("a.test"), b"{"))
    ran = run(url, "queue", "--url", f"http://127.0.0.1:{free_port()}")
    assert "Paused: a.test" in ran.stdout
    assert "Traceback" not in ran.stderr


# Domains.


@pytest.fixture
def ours(url: str) -> str:
    assert run(url, "domain", "add", NAME).returncode == 0
    return url


def test_routes_of_a_domain_are_set_and_taken_away(ours: str) -> None:
    words = ("example.com=smtp://relay.test:25", "*.Example.net=mx", "Ann@a.test=lmtp://l.test:24")
    ran = run(ours, "domain", "route", NAME, *words, "*=smtps://u:hush@relay.test:465")
    assert (ran.returncode, "4 routes" in ran.stdout) == (0, True), ran.stderr
    assert "hush" not in ran.stdout
    assert domain(ours).routes == {
        "example.com": "smtp://relay.test:25",
        "*.example.net": "mx",
        "ann@a.test": "lmtp://l.test:24",
        "*": "smtps://u:hush@relay.test:465",
    }
    assert run(ours, "domain", "route", NAME, "-").returncode == 0
    assert domain(ours).routes == {}


@pytest.mark.parametrize(
    "wrong",
    ["example.com", "example.com=", "=mx", "example.com=http://x", "a b=mx", "example.com=demo:"],
)
def test_a_wrong_route_changes_nothing(ours: str, wrong: str) -> None:
    run(ours, "domain", "route", NAME, "good.test=mx")
    ran = run(ours, "domain", "route", NAME, "other.test=mx", wrong)
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
    assert domain(ours).routes == {"good.test": "mx"}


def test_pools_of_a_domain_are_set_and_taken_away(ours: str) -> None:
    ran = run(ours, "domain", "pools", NAME, "bulk", "transactional")
    assert f"{NAME} sends from bulk" in ran.stdout
    assert list(domain(ours).pools) == ["bulk", "transactional"]
    assert "the default pool" in run(ours, "domain", "pools", NAME, "-").stdout
    assert list(domain(ours).pools) == []


def test_addresses_that_a_domain_receives_are_set_and_taken_away(ours: str) -> None:
    ran = run(ours, "domain", "receives", NAME, "Help@Example.org", "@lists.example.org")
    assert ran.returncode == 0, ran.stderr
    assert list(domain(ours).receives) == ["help@example.org", "@lists.example.org"]
    assert "bounces alone" in run(ours, "domain", "receives", NAME, "-").stdout
    assert list(domain(ours).receives) == []


@pytest.mark.parametrize("wrong", ["nobody", "a@b@c", "ann@"])
def test_a_wrong_address_changes_nothing(ours: str, wrong: str) -> None:
    ran = run(ours, "domain", "receives", NAME, "good@example.org", wrong)
    assert ran.returncode == 2
    assert list(domain(ours).receives) == []


@pytest.mark.parametrize("words", [("route", "a.test=mx"), ("pools", "x"), ("receives", "a@b.c")])
def test_a_domain_that_does_not_exist_is_said_to_be_none(url: str, words: tuple[str, str]) -> None:
    ran = run(url, "domain", words[0], "nobody.example", words[1])
    assert ran.returncode == 1
    assert ran.stderr.startswith("ekiden: ")
    assert "Traceback" not in ran.stderr
