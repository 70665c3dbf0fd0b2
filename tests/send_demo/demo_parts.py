"""A Bag of Envelopes for magic Recipients, and the stage `send` with the demo sender over it."""

import asyncio
from typing import Any

from functions.send import bagfile
from functions.send import stage as send
from functions.send.demo.transmitter import DemoTransmitter
from functions.send.settings import SendSettings
from shared import keys
from shared.batches import read_outcomes
from shared.ids import delivery_id, return_path
from shared.model import BagHeader, Envelope
from shared.outcome import Outcome, latest
from shared.stage import Wake, run
from shared.store.base import Store, list_all
from shared.store.memory import MemoryStore
from shared.waiting import release
from shared.watch import Watch

BATCH = "01hf7yat00abcdefghjkmnpqrs"
DUE_AT = 1_700_000_000.0
SECRET = bytes(range(32))
HOST = "bounce.example.org"
MESSAGE = (
    "From: news@example.org\r\nMessage-ID: <{n}@example.org>\r\nSubject: Hello\r\n\r\nHello!\r\n"
)


def header(attempt: int = 0, **given: Any) -> BagHeader:
    return BagHeader(
        batch=BATCH, bag=0, attempt=attempt, domain="example.org", due_at=DUE_AT, **given
    )


def envelope(recipient: str, n: int = 0, **given: Any) -> Envelope:
    known: dict[str, Any] = {
        "return_path": return_path(delivery_id(BATCH, 0, n), HOST, SECRET),
        "message": [MESSAGE.replace("{n}", str(n))],
    }
    return Envelope(n=n, recipient=recipient, **(known | given))


class Post:
    """A store with one Bag, and a clock that a test turns."""

    def __init__(self, *recipients: str, store: Store | None = None) -> None:
        self.now = DUE_AT
        self.store: Store = store or MemoryStore(lambda: self.now)
        self.woken: list[Wake] = []
        envelopes = [envelope(each, n) for n, each in enumerate(recipients)]
        key = keys.dispatched(BATCH, 0, 0)
        asyncio.run(self.store.put(key, bagfile.encode_bag(header(), envelopes)))

    def send(self, **given: Any) -> None:
        """Let `send` take all Bags that are ready."""

        async def work() -> None:
            carrier = DemoTransmitter(self.store, self.woken.append, **given)
            settings = SendSettings(owner="demo")
            stage = send.stage(self.store, lambda: self.now, Watch(), carrier, settings)
            for key in await self._keys(keys.DISPATCHED):
                await run(stage, self.store, lambda: self.now, Wake(key))

        asyncio.run(work())

    def wait(self, seconds: float) -> None:
        """Let time pass, and have what waited for it back at its stage."""

        async def work() -> None:
            for key in await self._keys(keys.WAITING):
                if keys.parse_waiting(key)[0] <= self.now:
                    await release(self.store, key)

        self.now += seconds
        asyncio.run(work())

    def outcomes(self) -> dict[str, Outcome]:
        """Recipient → what became of its Delivery."""

        async def read() -> list[Outcome]:
            return await read_outcomes(self.store, await self._keys(keys.outcomes(BATCH)))

        return {each.recipient: each for each in latest(asyncio.run(read())).values()}

    def objects(self, prefix: str) -> dict[str, bytes]:
        async def read() -> dict[str, bytes]:
            return {key: (await self.store.get(key)).body for key in await self._keys(prefix)}

        return asyncio.run(read())

    async def _keys(self, prefix: str) -> list[str]:
        return sorted([entry.key async for entry in list_all(self.store, prefix)])
