"""`ekiden domain keep`, as an operator types it."""

import asyncio
from pathlib import Path

import pytest
from ekiden_command import ekiden
from station import DOMAIN

from shared.domain_retention import wishes
from shared.store import open_store


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/ekiden.db"
    assert ekiden("domain", "add", DOMAIN, store_url=url).returncode == 0
    return url


def wish(store_url: str) -> dict[str, int]:
    async def read() -> dict[str, int]:
        store = open_store(store_url)
        try:
            return (await wishes.load(store, DOMAIN))[0]
        finally:
            await store.close()

    return asyncio.run(read())


def test_a_wish_is_said_and_taken_back(store_url: str) -> None:
    ran = ekiden("domain", "keep", DOMAIN, "batches=30", "received=7", store_url=store_url)
    assert ran.stdout == f"{DOMAIN} keeps batches for 30 days, received for 7 days\n"
    assert wish(store_url) == {"batches": 30, "received": 7}
    ran = ekiden("domain", "keep", DOMAIN, "-", store_url=store_url)
    assert ran.stdout == f"{DOMAIN} keeps all as the installation does\n"
    assert wish(store_url) == {}


@pytest.mark.parametrize("words", [("batches=6",), ("x=7",), ("batches",), ("-", "batches=7")])
def test_what_cannot_be_kept_so_is_refused(store_url: str, words: tuple[str, ...]) -> None:
    ran = ekiden("domain", "keep", DOMAIN, *words, store_url=store_url)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert wish(store_url) == {}


def test_a_domain_that_is_not_there_keeps_nothing(store_url: str) -> None:
    ran = ekiden("domain", "keep", "nobody.example", "batches=7", store_url=store_url)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "nobody.example" in ran.stderr
