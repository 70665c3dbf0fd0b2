"""`ekiden key`, `ekiden template` and `ekiden domain remove`, as an operator types them."""

import asyncio
from pathlib import Path

import pytest
from ekiden_command import ekiden
from station import DOMAIN

from shared.domains import Directory, Identity
from shared.store import open_store


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/ekiden.db"
    assert ekiden("domain", "add", DOMAIN, store_url=url).returncode == 0
    return url


def identity(store_url: str, key: str) -> Identity | None:
    async def read() -> Identity | None:
        store = open_store(store_url)
        try:
            return await Directory(store, lambda: 0.0).identify(key, None)
        finally:
            await store.close()

    return asyncio.run(read())


def test_a_key_has_the_scopes_that_were_named(store_url: str) -> None:
    words = ("key", "create", DOMAIN, "--quiet")
    usual = ekiden(*words, store_url=store_url).stdout.strip()
    found = identity(store_url, usual)
    assert found
    assert found.scopes == {"send", "read"}
    named = ekiden(*words, "--scope", "admin", "--scope", "send", store_url=store_url)
    found = identity(store_url, named.stdout.strip())
    assert found
    assert found.scopes == {"admin", "send"}


def test_an_unknown_scope_is_refused(store_url: str) -> None:
    ran = ekiden("key", "create", DOMAIN, "--scope", "all", store_url=store_url)
    assert ran.returncode == 2
    assert "send, read, admin" in ran.stderr


def test_a_template_is_written_listed_restored_and_deleted(store_url: str, tmp_path: Path) -> None:
    page, letter = tmp_path / "page.html", tmp_path / "letter.mjml"
    page.write_text("<style>p { color: red }</style><p>{{ name }}</p>")
    letter.write_text("<mjml><mj-body><mj-raw>{{ city }}</mj-raw></mj-body></mjml>")
    words = ("template", "put", DOMAIN, "welcome", "--subject", "Hi")
    made = ("--html", str(page), "--inline-css", "--auto-text")
    assert "version 1, needs the fields: name" in ekiden(*words, *made, store_url=store_url).stdout
    second = ekiden(*words, "--mjml", str(letter), store_url=store_url)
    assert "version 2, needs the fields: city" in second.stdout
    again = ekiden("template", "restore", DOMAIN, "welcome", "1", store_url=store_url)
    assert "that is version 3" in again.stdout
    listed = ekiden("template", "versions", DOMAIN, "welcome", store_url=store_url).stdout
    assert [line.split()[0] for line in listed.splitlines()] == ["1", "2", "3"]
    assert ekiden("template", "delete", DOMAIN, "welcome", store_url=store_url).returncode == 0
    gone = ekiden("template", "delete", DOMAIN, "welcome", store_url=store_url)
    assert (gone.returncode, gone.stderr.count("\n")) == (1, 1)


def test_a_wrong_template_is_refused_with_its_place(store_url: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p>\n  {% if x %}</p>")
    words = ("template", "put", DOMAIN, "welcome", "--html", str(page))
    ran = ekiden(*words, store_url=store_url)
    assert ran.returncode == 1
    assert "html, line 2, column 3" in ran.stderr


def test_a_removed_domain_leaves_no_key(store_url: str) -> None:
    key = ekiden("key", "create", DOMAIN, "--quiet", store_url=store_url).stdout.strip()
    assert identity(store_url, key)
    assert ekiden("domain", "remove", DOMAIN, store_url=store_url).returncode == 0
    assert identity(store_url, key) is None
    assert ekiden("domain", "remove", DOMAIN, store_url=store_url).returncode == 1


def test_a_dkim_key_is_forgotten_when_it_signs_no_more(store_url: str) -> None:
    forget = ("domain", "forget-dkim", DOMAIN, "ekiden1")
    assert "signs" in ekiden(*forget, store_url=store_url).stderr
    ekiden("domain", "add-dkim", DOMAIN, "--selector", "s2", store_url=store_url)
    ekiden("domain", "sign-with", DOMAIN, "s2", store_url=store_url)
    assert ekiden(*forget, store_url=store_url).returncode == 0
    assert "ekiden1" not in ekiden("domain", "dns", DOMAIN, store_url=store_url).stdout
