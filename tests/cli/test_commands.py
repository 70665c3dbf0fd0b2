"""The command `ekiden`, as an operator types it."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from station import DOMAIN, running_station

from shared.store import open_store
from shared.store.base import list_all


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ekiden.db"


def ekiden(
    *words: str, store_url: str = "memory:", **more: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ekiden", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200", "EKIDEN_STORE_URL": store_url, **more},
    )


def test_adding_a_domain_prints_the_records_to_publish(store_url: str) -> None:
    ran = ekiden("domain", "add", "Example.ORG", "--ed25519", store_url=store_url)
    assert "ekiden1._domainkey.example.org.  IN  TXT" in ran.stdout
    assert "k=ed25519" in ran.stdout
    assert "v=spf1" in ran.stdout
    assert "_dmarc.example.org." in ran.stdout


def test_a_domain_is_added_once(store_url: str) -> None:
    ekiden("domain", "add", DOMAIN, store_url=store_url)
    ran = ekiden("domain", "add", DOMAIN, store_url=store_url)
    assert (ran.returncode, ran.stderr) == (1, f"ekiden: the Domain {DOMAIN} exists\n")


def test_a_key_is_shown_once_and_kept_hashed(store_url: str) -> None:
    ekiden("domain", "add", DOMAIN, store_url=store_url)
    shown = ekiden("key", "create", DOMAIN, "--quiet", store_url=store_url).stdout.strip()
    assert re.fullmatch(rf"ek_[0-9a-f]{{12}}_[\w-]{{43}}_{DOMAIN}", shown)
    secret = shown.split("_", 2)[2]
    assert all(secret not in body for body in asyncio.run(bodies(store_url)))


async def bodies(store_url: str) -> list[str]:
    store = open_store(store_url)
    entries = [entry.key async for entry in list_all(store, "")]
    found = [(await store.get(key)).body.decode("latin-1") for key in entries]
    await store.close()
    return found


def test_a_key_needs_a_domain(store_url: str) -> None:
    ran = ekiden("key", "create", "nobody.example", store_url=store_url)
    assert ran.returncode == 1
    assert "ekiden domain add nobody.example" in ran.stderr


def test_dkim_keys_rotate_with_an_overlap(store_url: str) -> None:
    ekiden("domain", "add", DOMAIN, store_url=store_url)
    added = ekiden("domain", "add-dkim", DOMAIN, "--selector", "s2", store_url=store_url)
    assert "s2._domainkey" in added.stdout
    assert (
        "signs with s2" in ekiden("domain", "sign-with", DOMAIN, "s2", store_url=store_url).stdout
    )
    records = ekiden("domain", "dns", DOMAIN, store_url=store_url).stdout
    assert "ekiden1._domainkey" in records
    assert "s2._domainkey" in records


def test_a_template_tells_which_fields_it_needs(store_url: str, tmp_path: Path) -> None:
    ekiden("domain", "add", DOMAIN, store_url=store_url)
    page = tmp_path / "page.html"
    page.write_text("<p>{{ name }} of {{ city }}</p>")
    words = ("template", "put", DOMAIN, "welcome", "--subject", "Hi", "--html", str(page))
    assert "city, name" in ekiden(*words, store_url=store_url).stdout


def test_a_wrong_setting_names_the_option() -> None:
    ran = ekiden("config", "--set", "send.max_job=3")
    assert ran.returncode == 1
    assert "send.max_jobs" in ran.stderr


def test_config_shows_values_and_where_they_come_from() -> None:
    ran = ekiden("config", "--set", "send.route=smtp://user:hush@127.0.0.1:25")
    assert "flag" in ran.stdout
    assert "hush" not in ran.stdout


def test_show_says_what_is_not_there(store_url: str) -> None:
    ran = ekiden("show", "submitted/nothing.json", store_url=store_url)
    assert (ran.returncode, "a prefix ends in /" in ran.stderr) == (1, True)


def test_a_list_is_sent_followed_and_shown(store_url: str, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("email,name\nann@a.example,Ann\nbob@b.example,Bob\nnonsense,X\n")
    page = tmp_path / "page.html"
    page.write_text("<p>Dear {{ name }}</p>")

    async def run() -> tuple[str, str, str]:
        async with running_station(store_url, http=True) as here:
            login = ("--url", here.url, "--key", here.api_key)
            content = ("--from", f"news@{DOMAIN}", "--subject", "Hi", "--html", str(page))
            sent = await asyncio.to_thread(ekiden, "send", str(people), *content, *login)
            assert sent.returncode == 0, sent.stderr
            batch = sent.stdout.split(":")[0]
            status = await asyncio.to_thread(ekiden, "status", batch, *login)
            shown = await asyncio.to_thread(
                ekiden, "show", f"{batch}.0000.0000", store_url=store_url
            )
            return sent.stdout, status.stdout, shown.stdout

    sent, status, shown = asyncio.run(run())
    assert "2 accepted, 1 rejected" in sent
    assert "nonsense: invalid_email" in sent
    assert re.search(r"delivered\s*│\s*2", sent)
    assert "is done" in status
    assert json.loads(shown)["outcome"] == "delivered"


def test_a_list_without_addresses_is_refused(tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("name\nAnn\n")
    ran = ekiden("send", str(people), "--from", f"a@{DOMAIN}", "--key", "ek_x")
    assert ran.returncode == 2
    assert "no column called email" in ran.stderr
