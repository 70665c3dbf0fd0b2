"""A Domain, a Batch that was sent, and mail that comes back for it. No relay runs.

office = Office()
office.sent("ann@sink.example", "bob@sink.example")
office.arrives("postfix-user-unknown", office.return_path(0))
office.work()
assert office.states() == ["bounced", "delivered"]
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec
from contents import content_of
from returned_mail import sample

from functions.bounce import stage as bounce
from shared import feedback, inbound, keys, outcome
from shared.domains import Directory, Domain
from shared.feedback import Event
from shared.ids import batch_id, delivery_id, return_path
from shared.inbound import Inbound
from shared.outcome import Outcome, State
from shared.provision import add_domain
from shared.return_paths import ReturnPaths
from shared.stage import Failure, Wake, run
from shared.store.base import Store, list_all
from shared.store.memory import MemoryStore

DOMAIN = "example.org"
FEEDBACK = "complaints@example.org"
BATCH = batch_id(1_795_000_000.0, bytes(10))
ARRIVED = 1_795_273_200.0
RECEIVED = b"Received: from mx by us; Sat, 21 Nov 2026 15:00:00 +0000\r\n"
INBOUND = batch_id(ARRIVED, bytes(10))

T = TypeVar("T")


def do(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


class Office:
    def __init__(self) -> None:
        self.now = ARRIVED + 1
        self.store = MemoryStore(lambda: self.now)
        self.secrets = {DOMAIN: self.add_domain(DOMAIN)}

    def add_domain(self, name: str, **more: Any) -> str:
        """Make a Domain; return its secret."""
        record, _ = do(add_domain(self.store, name, [], self.now))
        changed = msgspec.structs.replace(record, **more)
        do(self.store.put(keys.domain_record(name), msgspec.json.encode(changed)))
        return record.return_path_secret

    # What was sent.

    def sent(self, *recipients: str, batch: str = BATCH, domain: str = DOMAIN, **more: Any) -> None:
        """One Bag, in which every Delivery is `delivered`, each in a transaction of its own."""
        content = content_of(batch, domain, 0.0, accepted=len(recipients))
        do(self.store.put(keys.content(batch), msgspec.json.encode(content)))
        lines = [self.line(n, each, batch, **more) for n, each in enumerate(recipients)]
        self.record(0, lines, batch)

    def line(self, n: int, recipient: str, batch: str = BATCH, **more: Any) -> Outcome:
        said = {"text": f"Ok: queued as 4F9F{n}", "code": 250, "host": "mx.sink.example", **more}
        state = said.pop("outcome", State.DELIVERED)
        if said.pop("together", False) and n:
            said["return_path"] = self.return_path(0, batch)
        delivery = delivery_id(batch, 0, n)
        return Outcome(
            delivery=delivery, recipient=recipient, outcome=state, at=ARRIVED - 60, **said
        )

    def record(self, part: int, lines: list[Outcome], batch: str = BATCH) -> None:
        key = keys.outcome_part(batch, 0, 0, part)
        do(self.store.put(key, outcome.encode_lines(lines)))

    def return_path(self, n: int, batch: str = BATCH, domain: str = DOMAIN) -> str:
        secret = bytes.fromhex(self.secrets[domain])
        return return_path(delivery_id(batch, 0, n), domain, secret)

    # What comes back.

    def arrives(
        self, mail: str | bytes, *recipients: str, sender: str = "", name: str = INBOUND
    ) -> None:
        """A sample, or bytes. The first recipient's address stands in the sample too."""
        message = sample(mail, recipients[0]) if isinstance(mail, str) else mail
        body = inbound.encode(Inbound(sender, list(recipients), RECEIVED + message))
        do(self.store.put(keys.inbound(name), body))

    def work(self, store: Store | None = None) -> None:
        """Let the stage do all that has arrived."""
        do(self.working(store or self.store))

    async def working(self, store: Store) -> None:
        directory = Directory(store, lambda: self.now)
        paths = ReturnPaths(store, directory)
        stage = bounce.stage(store, lambda: self.now, paths, directory, (FEEDBACK,))
        for key in [entry.key async for entry in list_all(self.store, keys.INBOUND)]:
            await run(stage, store, lambda: self.now, Wake(key))

    # What is in the store.

    def keys(self, prefix: str = "") -> list[str]:
        async def listed() -> list[str]:
            return [entry.key async for entry in list_all(self.store, prefix)]

        return do(listed())

    def body(self, key: str) -> bytes:
        return do(self.store.get(key)).body

    def everything(self) -> dict[str, bytes]:
        return {key: self.body(key) for key in self.keys()}

    def late(self) -> list[Outcome]:
        found = [key for key in self.keys("batches/") if ".late." in key]
        return [line for key in found for line in outcome.decode_lines(self.body(key))]

    def states(self, batch: str = BATCH) -> list[str]:
        """Where the Deliveries are, in order."""
        parts = sorted(self.keys(keys.outcomes(batch)))
        lines = [line for key in parts for line in outcome.decode_lines(self.body(key))]
        return [str(each.outcome) for _, each in sorted(outcome.latest(lines).items())]

    def events(self) -> list[Event]:
        found = self.keys("events/")
        return [event for key in found for event in feedback.decode_lines(self.body(key))]

    def suppressed(self) -> dict[str, str]:
        """Address → reason."""
        found = [key for key in self.keys("domains/") if "/suppressions/" in key]
        entries = [msgspec.json.decode(self.body(key)) for key in found]
        return {each["email"]: each["reason"] for each in entries}

    def failed(self) -> list[str]:
        """Why a person has to look."""
        found = self.keys(keys.FAILED)
        return [msgspec.json.decode(self.body(key), type=Failure).message for key in found]

    def domain(self, name: str = DOMAIN) -> Domain:
        return msgspec.json.decode(self.body(keys.domain_record(name)), type=Domain)
