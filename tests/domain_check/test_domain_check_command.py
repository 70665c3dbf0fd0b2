"""`ekiden domain check` as an operator types it."""

import asyncio
import json
import subprocess
from pathlib import Path

from dns_server import DnsServer, Zone
from ekiden_command import ekiden

from shared.domains import DkimKeys, Domain
from shared.provision import add_domain, dns_records
from shared.store import open_store

NAME = "example.com"
MAIL: Zone = {
    ("mail.example.com", "A"): ["192.0.2.10"],
    ("10.2.0.192.in-addr.arpa", "PTR"): ["mail.example.com."],
    (NAME, "MX"): ["10 mail.example.com."],
}


def ran(
    folder: Path, *words: str, published: bool = True, name: str = NAME
) -> subprocess.CompletedProcess[str]:
    url = f"sqlite:///{folder}/ekiden.db"

    async def made() -> tuple[Domain, DkimKeys]:
        store = open_store(url)
        try:
            return await add_domain(store, NAME, ["ed25519-sha256"], 0.0)
        finally:
            await store.close()

    async def run() -> subprocess.CompletedProcess[str]:
        made_records = dns_records(*await made())
        records = made_records if published else []
        texts: Zone = {(at, kind): [f'"{text}"'] for kind, at, text in records if kind == "TXT"}
        server = DnsServer({**MAIL, **texts})
        settings = {
            "EKIDEN_SEND_NAMESERVERS": await server.start(),
            "EKIDEN_SEND_HOSTNAME": "mail.example.com",
        }
        try:
            return await asyncio.to_thread(
                ekiden, "domain", "check", name, "--no-port-25", *words, store_url=url, **settings
            )
        finally:
            server.close()

    return asyncio.run(run())


def test_what_domain_dns_asks_to_publish_is_what_the_check_wants(tmp_path: Path) -> None:
    said = ran(tmp_path)
    assert (said.returncode, said.stderr) == (0, "")
    lines = said.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ok", "dkim"],
        ["ok", "spf"],
        ["ok", "dmarc"],
        ["ok", "bounces"],
        ["ok", "reverse-dns"],
        ["ok", "mta-sts"],
        ["ok", "tls-rpt"],
    ]


def test_it_ends_with_1_and_prints_what_to_publish_when_something_failed(tmp_path: Path) -> None:
    said = ran(tmp_path, published=False)
    assert said.returncode == 1
    assert "failed   dkim ekiden1: ekiden1._domainkey.example.com has no DKIM record" in said.stdout
    assert 'ekiden1._domainkey.example.com.  IN  TXT  "v=DKIM1; k=ed25519; p=' in said.stdout
    assert 'example.com.  IN  TXT  "v=spf1 ip4:192.0.2.10 ~all"' in said.stdout


def test_programs_read_it_as_json(tmp_path: Path) -> None:
    said = ran(tmp_path, "--json", published=False)
    checks = json.loads(said.stdout)
    assert said.returncode == 1
    assert set(checks[0]) == {"name", "state", "expected", "found", "why", "about", "paste"}
    assert {each["state"] for each in checks} <= {"ok", "warning", "failed", "unknown"}


def test_a_domain_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    said = ran(tmp_path, name="nobody.example")
    assert said.returncode == 1
    assert "no Domain is called 'nobody.example'" in said.stderr
