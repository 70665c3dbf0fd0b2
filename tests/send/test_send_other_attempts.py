"""What other attempts of a Bag have recorded counts: nothing is sent twice, and nothing empty."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from msgspec import structs
from send_parts import BATCH, DUE_AT, envelope, header, outcome

from ekiden.sink import Refuse, Sink
from functions.send import assemble, bagfile
from functions.send import stage as send
from functions.send.bagfile import AttemptHeader
from functions.send.settings import SendSettings
from shared import config, keys
from shared.model import Envelope
from shared.outcome import Outcome, State, decode_lines, encode_lines
from shared.stage import Wake, run
from shared.store.base import Store, list_all
from shared.store.memory import MemoryStore
from shared.store.wrap import Wrapper
from shared.watch import Watch

T = TypeVar("T")
LATER = DUE_AT + 900


class Noting(Wrapper):
    """Notes which Outcomes were read."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.read: list[str] = []

    async def _pass_on(self, op: str, key: str, call: Callable[[], Awaitable[T]]) -> T:
        if op == "get" and "/outcomes/" in key:
            self.read.append(key.rpartition("/")[2])
        return await call()


class Desk:
    """A store, a mail server, and the stage between them."""

    def __init__(self, port: int, sink: Sink) -> None:
        self.store = Noting(MemoryStore(self.clock))
        self.sink = sink
        given = {"send.route": f"smtp://127.0.0.1:{port}", "send.starttls": "off"}
        given["send.hostname"] = "station.invalid"
        self.transmitter = assemble.transmitter(config.load(environ={}, flags=given), self.store)
        self.hostname = "station.invalid"

    def clock(self) -> float:
        return LATER

    async def send(self, attempt: int, *envelopes: Envelope, **given: Any) -> None:
        """One Bag, due by now."""
        bag = AttemptHeader(**structs.asdict(header(attempt, at=LATER)) | given)
        key = keys.dispatched(BATCH, 7, attempt)
        await self.store.put(key, bagfile.encode_bag(bag, envelopes))
        settings = SendSettings("this process", self.hostname)
        stage = send.stage(self.store, self.clock, Watch(), self.transmitter, settings)
        await run(stage, self.store, self.clock, Wake(key))
        assert await self.keys("dispatched/", "leases/", "failed/") == []

    async def record(self, attempt: int, *outcomes: Outcome, part: int = 0) -> None:
        lines = [structs.replace(each, attempt=attempt) for each in outcomes]
        place = keys.outcome_part(BATCH, 7, attempt, part)
        await self.store.create(place, encode_lines(lines))

    async def keys(self, *prefixes: str) -> list[str]:
        return [each.key for prefix in prefixes async for each in list_all(self.store, prefix)]

    async def waiting(self) -> tuple[AttemptHeader, list[Envelope]]:
        (key,) = await self.keys(keys.WAITING)
        return bagfile.decode((await self.store.get(key)).body)

    async def recorded(self, attempt: int) -> dict[str, Outcome]:
        prefix = keys.outcomes_of_attempt(BATCH, 7, attempt)
        bodies = [(await self.store.get(key)).body for key in await self.keys(prefix)]
        return {each.recipient: each for body in bodies for each in decode_lines(body)}

    @property
    def got(self) -> list[str]:
        return sorted(each.recipient for each in self.sink.received)


@asynccontextmanager
async def desk(refuse: Refuse | None = None) -> AsyncIterator[Desk]:
    sink = Sink(refuse)
    made = Desk(await sink.start(), sink)
    try:
        yield made
    finally:
        await made.transmitter.close()
        await sink.close()


def mail(n: int, **given: Any) -> Envelope:
    return envelope(n, message=["Subject: x\r\n\r\nHello.\r\n"], **given)


def deferred(n: int) -> Outcome:
    return outcome(n, State.DEFERRED, retry_at=DUE_AT + 300)


def test_what_any_attempt_has_delivered_is_not_sent_by_another() -> None:
    async def story(attempt: int, done_in: int) -> list[str]:
        async with desk() as here:
            await here.record(0, deferred(0), deferred(1))
            await here.record(done_in, outcome(0))
            await here.send(attempt, mail(0), mail(1))
            assert await here.keys(keys.WAITING) == []
            return here.got

    for attempt, done_in in ((1, 2), (2, 1), (1, 9), (9, 1)):
        assert asyncio.run(story(attempt, done_in)) == ["r1@sink.example"], (attempt, done_in)


def test_what_a_later_attempt_has_deferred_is_left_to_it() -> None:
    async def story() -> None:
        async with desk() as here:
            await here.record(2, deferred(0))
            await here.send(1, mail(0, tries=1), mail(1))
            assert here.got == ["r1@sink.example"]
            after, envelopes = await here.waiting()
            assert (after.attempt, envelopes) == (2, [mail(0, tries=1)])

    asyncio.run(story())


def test_a_bag_of_what_others_have_done_is_done_at_once() -> None:
    async def story() -> None:
        async with desk() as here:
            await here.record(3, outcome(0), outcome(1, State.BOUNCED))
            await here.send(1, mail(0), mail(1))
            assert (here.got, await here.keys(keys.WAITING)) == ([], [])
            assert await here.recorded(1) == {}

    asyncio.run(story())


def test_what_is_settled_is_no_longer_cancelled_or_rejected() -> None:
    async def story() -> None:
        async with desk() as here:
            await here.store.put(keys.cancelled(BATCH), b"{}")
            await here.record(2, outcome(0), outcome(1), deferred(2))
            await here.send(1, mail(0), mail(1, rejected="suppressed"), mail(2), mail(3))
            states = {who: each.outcome for who, each in (await here.recorded(1)).items()}
            assert states == {"r3@sink.example": State.CANCELLED}

    asyncio.run(story())


def test_earlier_attempts_are_read_only_if_there_is_more_than_the_bag_was_made_of() -> None:
    def refuse(recipient: str, tried: int) -> str | None:
        return "450 4.2.0 later" if tried == 0 else None

    async def story() -> None:
        async with desk(refuse) as here:
            await here.send(0, mail(0), mail(1))
            after, envelopes = await here.waiting()
            assert after.parts_before == len(await here.keys("batches/")) == 1
            await here.send(1, *envelopes, parts_before=after.parts_before, at=after.at)
            assert here.store.read == []
            assert here.got == ["r0@sink.example", "r1@sink.example"]
        async with desk() as here:
            await here.record(0, deferred(0))
            await here.record(0, outcome(1), part=1)
            await here.send(1, mail(0), mail(1), parts_before=1)
            assert here.store.read == ["0007.000.0000.jsonl", "0007.000.0001.jsonl"]
            assert here.got == ["r0@sink.example"]

    asyncio.run(story())


def test_what_came_back_late_is_not_read_and_takes_no_number() -> None:
    async def story() -> None:
        async with desk() as here:
            late = keys.late_outcome(BATCH, 7, "01hf7yat00.x.y")
            await here.store.put(late, b"no line of ours")
            await here.send(0, mail(0))
            assert here.got == ["r0@sink.example"]
            assert here.store.read == []

    asyncio.run(story())


def test_a_mail_without_a_message_is_never_sent() -> None:
    async def story() -> None:
        async with desk() as here:
            await here.send(1, envelope(0), envelope(1, message=["", ""]), mail(2))
            assert here.got == ["r2@sink.example"]
            made = await here.recorded(1)
            for who in ("r0@sink.example", "r1@sink.example"):
                assert (made[who].outcome, made[who].reason) == (State.REJECTED, "no_message")

    asyncio.run(story())


def test_a_hard_bounce_is_suppressed_once_and_not_again_by_what_is_recorded() -> None:
    async def story() -> None:
        async with desk(lambda who, tried: "550 5.1.1 no such user") as here:
            await here.send(0, mail(0))
            (entry,) = await here.keys("domains/")
            await here.store.delete(entry)  # an operator takes it back
            await here.send(0, mail(0))
            assert await here.keys("domains/") == []

    asyncio.run(story())


def test_a_host_of_another_name_makes_no_second_report() -> None:
    async def story() -> None:
        async with desk(lambda who, tried: "550 5.7.1 no") as here:
            bag = {"reports_to": "ann@example.org"}
            await here.send(0, mail(0), **bag)
            (report,) = await here.keys(keys.SUBMITTED)
            here.hostname = "new.invalid"
            await here.send(0, mail(0), **bag)
            assert await here.keys(keys.SUBMITTED) == [report]

    asyncio.run(story())


def test_what_was_suppressed_since_is_rejected_when_a_replay_makes_its_next_attempt() -> None:
    async def story() -> None:
        async with desk() as here:
            await here.record(0, deferred(0), deferred(1))
            await here.send(0, envelope(0, rejected="suppressed"), mail(1))
            after, envelopes = await here.waiting()
            await here.send(1, *envelopes, parts_before=after.parts_before, at=after.at)
            assert here.got == ["r1@sink.example"]
            made = (await here.recorded(1))["r0@sink.example"]
            assert (made.outcome, made.reason) == (State.REJECTED, "suppressed")

    asyncio.run(story())
