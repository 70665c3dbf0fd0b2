"""A Batch goes through a real Postfix, and the signature still holds behind it.

Ekiden → Postfix (Debian's, on the loopback) → a sink that keeps what Postfix handed on.
"""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import dkim
import msgspec
import pytest
from station import BATCH, DOMAIN, Here, run, running_station

from benchmarks.postfix import Postfix
from benchmarks.row import Unmeasured
from ekiden.sink import Sink
from shared import dkim_keys, keys
from shared.domains import DkimKeys

COUNT = 60


class Behind(Sink):
    """Tells when all mails have come."""

    def __init__(self) -> None:
        super().__init__()
        self.full = asyncio.Event()

    def store(self, return_path: str, recipients: list[str], message: bytes) -> None:
        super().store(return_path, recipients, message)
        if self.accepted == COUNT:
            self.full.set()


async def published(here: Here) -> dict[str, str]:
    """What DNS would say: the Domain's DKIM records."""
    body = (await here.store.get(keys.domain_dkim(DOMAIN))).body
    stored = msgspec.json.decode(body, type=DkimKeys).keys
    return dict(dkim_keys.dns_record(k.selector, DOMAIN, dkim_keys.load(k)) for k in stored)


def test_mail_passes_a_real_postfix_with_its_signature_intact() -> None:
    async def story() -> None:
        behind = Behind()
        next_hop = SimpleNamespace(port=await behind.start())
        try:
            postfix = await asyncio.to_thread(Postfix, cast(Any, next_hop))
        except Unmeasured as reason:
            await behind.close()
            pytest.skip(str(reason))
        try:
            route = f"smtp://127.0.0.1:{postfix.port}"
            async with running_station(algorithms=("rsa-sha256",), send__route=route) as here:
                rows = [
                    {"email": f"rider{n}@station{n % 3}.example", "fields": {"name": f"Zoë {n}"}}
                    for n in range(COUNT)
                ]
                html = "<p>Dear {{ name }},</p>\n.\n<p>a dot on a line of its own</p>"
                batch = await here.submit({**BATCH, "html": html, "recipients": rows})
                assert (await here.done(batch))["outcomes"] == {"delivered": COUNT}
                await behind.full.wait()  # Postfix hands on when it likes
                records = await published(here)
        finally:
            await asyncio.to_thread(postfix.__exit__, None, None, None)
            await behind.close()
        assert {each.recipient for each in behind.received} == {row["email"] for row in rows}

        def dns(name: bytes, **_: object) -> bytes:
            return records[name.decode().rstrip(".")].encode()

        assert all(dkim.verify(each.message, dnsfunc=dns) for each in behind.received)

    run(story)
