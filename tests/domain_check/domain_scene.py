"""A Domain that is published as it should be, and what a change in DNS makes of it.

assert looked(only="spf").state is State.OK
assert looked({(HOST, "TXT"): []}, only="spf").state is State.WARNING
"""

import asyncio
from functools import cache
from typing import Any

from dns_server import DnsServer, Zone

from shared.dkim_keys import dns_record, generate, load
from shared.domain_check.lookups import Lookups
from shared.domain_check.model import Check
from shared.domain_check.run import check
from shared.domain_check.subject import PublicKey, Sender, Source, Subject
from shared.domain_check.tracking_host import Web

DOMAIN = "example.com"
HOST = "bounce.example.com"
MAIL = "mail.sender.example"
ADDRESS = "192.0.2.10"
POINTER = "10.2.0.192.in-addr.arpa"


@cache
def public_key(selector: str = "ekiden2", algorithm: str = "rsa-sha256") -> PublicKey:
    stored = generate(algorithm, selector, 0.0)  # type: ignore[arg-type]
    return PublicKey(selector, *dns_record(selector, DOMAIN, load(stored)), signs=True)


SUBJECT = Subject(DOMAIN, HOST, (public_key(),))
SENDER = Sender(MAIL, (Source(ADDRESS, MAIL),))


def quoted(text: str) -> str:
    """As a zone file has it, in strings of at most 200 bytes."""
    pieces = [text[start : start + 200] for start in range(0, len(text), 200)] or [""]
    return " ".join(f'"{each}"' for each in pieces)


def well_published() -> Zone:
    key = public_key()
    return {
        (key.name, "TXT"): [quoted(key.text)],
        (HOST, "TXT"): [quoted(f"v=spf1 ip4:{ADDRESS} -all")],
        (HOST, "MX"): [f"10 {MAIL}."],
        (DOMAIN, "MX"): ["10 mx.elsewhere.example."],
        (f"_dmarc.{DOMAIN}", "TXT"): [quoted("v=DMARC1; p=reject; rua=mailto:d@example.com")],
        (MAIL, "A"): [ADDRESS],
        ("mx.elsewhere.example", "A"): ["198.51.100.7"],
        (POINTER, "PTR"): [f"{MAIL}."],
    }


WITHOUT_NETWORK = ("dkim", "spf", "dmarc", "bounces", "mx", "reverse-dns", "mta-sts", "tls-rpt")


def checked(
    change: Zone | None = None,
    subject: Subject = SUBJECT,
    sender: Sender = SENDER,
    **more: Any,
) -> list[Check]:
    """`more`: `only`, `web`, and `timeout_s` of one question."""

    async def run() -> list[Check]:
        server = DnsServer({**well_published(), **(change or {})})
        dns = Lookups([await server.start()], more.get("timeout_s", 5.0))
        only = more.get("only", WITHOUT_NETWORK)
        web: Web | None = more.get("web")
        try:
            names = (only,) if isinstance(only, str) else only
            return await check(subject, sender, dns, names, web)
        finally:
            server.close()

    return asyncio.run(run())


def looked(change: Zone | None = None, **more: Any) -> Check:
    """The only check of that name."""
    found = checked(change, **more)
    assert len(found) == 1, found
    return found[0]
