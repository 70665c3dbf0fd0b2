"""All that the benchmarks know of Ekiden's inside: the Bags that the sender works on, the Outcomes
that it leaves, and the sender without a process around it.

When Ekiden changes, change it here, or in `interface.py`.
"""

import asyncio
import base64
import gc
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from benchmarks import content
from benchmarks.interface import route_to
from benchmarks.row import Unmeasured
from ekiden.station import Station
from functions.send import assemble, bagfile
from functions.send.smtp.verdict import Verdict
from shared import config, keys
from shared.batches import outcome_parts, read_outcomes
from shared.config import Config
from shared.ids import delivery_id
from shared.model import BagHeader, Envelope, message_bytes
from shared.outcome import latest
from shared.smtp_server.certificate import self_signed
from shared.store import open_store
from shared.store.base import Store

BAG_SIZE = 500
MAIL_BYTES = 5120
SendAll = Callable[[], Awaitable[None]]
"""Sends everything, and returns when that is done."""
_BATCH = "01hf7yat00abcdefghjkmnpqrs"
_SIGNATURE_BYTES = 256
"""RSA-2048. No two mails have the same one, so a Bag of them does not pack to nothing."""


@dataclass(frozen=True, slots=True)
class Told:
    """The last Outcome of a Delivery."""

    outcome: str
    ambiguous: bool


def addresses(count: int) -> list[str]:
    """`count` recipients of one domain."""
    return [f"reader-{n:06d}@one.example" for n in range(count)]


def fill(store_url: str, recipients: Sequence[str]) -> None:
    """Put one mail for each of them into the store, rendered, signed and ready to be sent."""

    async def filling() -> None:
        store = open_store(store_url)
        try:
            await _put_bags(store, recipients)
        finally:
            await store.close()

    asyncio.run(filling())


async def _put_bags(store: Store, recipients: Sequence[str]) -> None:
    for bag, start in enumerate(range(0, len(recipients), BAG_SIZE)):
        body = _bag(bag, recipients[start : start + BAG_SIZE])
        await store.create(keys.dispatched(_BATCH, bag, 0), body)


def _bag(bag: int, recipients: Sequence[str]) -> bytes:
    now = time.time()
    header = BagHeader(batch=_BATCH, bag=bag, attempt=0, domain=content.DOMAIN, due_at=now, at=now)
    return bagfile.encode_bag(header, _envelopes(bag, recipients))


def _envelopes(bag: int, recipients: Sequence[str]) -> Iterator[Envelope]:
    chance = random.Random(bag)
    for n, recipient in enumerate(recipients):
        delivery = delivery_id(_BATCH, bag, n)
        path = f"b-{delivery}-abcdefghijklmnop@{content.DOMAIN}"
        message = _message(delivery, recipient, chance.randbytes(_SIGNATURE_BYTES))
        yield Envelope(n=n, recipient=recipient, return_path=path, message=[message])


def _message(delivery: str, recipient: str, signature: bytes) -> str:
    """About as long as what `smtp-source -l 5120` sends, which counts the body alone."""
    head = {
        "DKIM-Signature": f"v=1; a=rsa-sha256; b={base64.b64encode(signature).decode()}",
        "From": content.SENDER,
        "To": recipient,
        "Subject": "Please confirm your email address",
        "Date": "Sat, 21 Nov 2026 12:00:00 +0000",
        "Message-ID": f"<{delivery}@{content.DOMAIN}>",
    }
    lines = "".join(f"{name}: {text}\r\n" for name, text in head.items())
    return f"{lines}\r\n{_body()}"


@cache
def _body() -> str:
    lines = content.html().replace("\r\n", "\n").replace("\n", "\r\n")
    return lines[: MAIL_BYTES - 2] + "\r\n"


def told(store_url: str) -> dict[str, Told]:
    """Recipient → what the store says about its mail."""

    async def reading() -> dict[str, Told]:
        store = open_store(store_url)
        try:
            parts = await outcome_parts(store, keys.outcomes(_BATCH))
            lines = latest(await read_outcomes(store, parts)).values()
        finally:
            await store.close()
        return {each.recipient: Told(each.outcome, each.ambiguous) for each in lines}

    return asyncio.run(reading())


# ---- the sender without a process around it ----------------------------------------------------


def _sender_config(store_url: str, sink_port: int) -> Config:
    flags = {
        "store.url": store_url,
        "send.route": route_to(sink_port),
        "send.hostname": "sender.example.org",
        "services.submit": "off",
        "services.validate": "off",
        "services.dispatch": "off",
        "services.bounce": "off",
    }
    return config.load(environ={}, flags=flags)


@asynccontextmanager
async def sending(
    store_url: str, recipients: Sequence[str], sink_port: int
) -> AsyncIterator[SendAll]:
    """The `send` stage of `ekiden pod`, with Bags that are ready. What is yielded sends them, and
    returns when all Outcomes are stored and the Bags are gone."""
    station = Station(_sender_config(store_url, sink_port))
    await _put_bags(station.store, recipients)

    async def send_all() -> None:
        await station.start()
        await station.relay.idle()

    try:
        yield send_all
    finally:
        await station.stop()


class _Count:
    """A ledger that only counts what was accepted."""

    def __init__(self) -> None:
        self.accepted = 0

    def report(self, envelope: Envelope, verdict: Verdict, queued_s: float = 0.0) -> None:
        self.accepted += verdict.kind == "accepted"

    def refuse(self, envelope: Envelope, reason: str, text: str) -> None: ...

    def hold(self, envelope: Envelope, delay_s: float, why: str) -> None: ...

    def may_go_on(self) -> bool:
        return True

    def is_behind(self) -> bool:
        return False


@asynccontextmanager
async def transmitting(recipients: Sequence[str], sink_port: int) -> AsyncIterator[SendAll]:
    """The transmitter alone, with Envelopes in memory; nobody writes Outcomes."""
    store = open_store("memory:")
    transmitter = assemble.transmitter(_sender_config("memory:", sink_port), store)
    header, _ = bagfile.decode(_bag(0, []))
    envelopes = list(_envelopes(0, recipients))
    count = _Count()

    async def transmit_all() -> None:
        await transmitter.transmit(header, envelopes, count)
        if count.accepted < len(recipients):
            raise Unmeasured(f"{count.accepted} of {len(recipients)} were accepted")

    try:
        yield transmit_all
    finally:
        await transmitter.close()


def prepared(recipients: Sequence[str]) -> Iterator[tuple[str, str, bytes]]:
    """(sender, recipient, message) of the same mails, for clients that know no Envelopes."""
    for each in _envelopes(0, recipients):
        yield each.return_path, each.recipient, message_bytes(each, [])


def certificate(host: str) -> bytes:
    """A key and its certificate, PEM, as a listener makes one where it is given none."""
    return self_signed(host, datetime.now(UTC))


def as_the_pod_does() -> None:
    """What `ekiden pod` sets before it starts its event loop."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
