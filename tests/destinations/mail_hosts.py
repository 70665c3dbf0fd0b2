"""Mail servers that do what a test says, and what becomes of the mails that go there.

Real sockets on the loopback, and a clock that a test can put forward:

    async def story(clock: Forward) -> None:
        async with Host() as host, open_scheduler() as scheduler:
            ledger = Ledger()
            await send(scheduler, host.destination(), some(10), ledger)
            clock.skip(60)
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

import pytest

from functions.send.destinations.limits import LimitBook, Limits
from functions.send.destinations.mail import Consignment
from functions.send.destinations.scheduler import Scheduler, Settings
from functions.send.smtp.options import Options
from functions.send.smtp.target import Destination, Target, Tls
from functions.send.smtp.verdict import Verdict
from shared.model import Envelope

T = TypeVar("T")

HURRY_S = 20
"""How long a story may take, by the wall's clock, before it counts as hanging."""
OPTIONS = Options("client.test")

# Time.


class Forward(asyncio.SelectorEventLoop):
    """A loop with real sockets, whose clock can be put forward."""

    ahead_s = 0.0

    def time(self) -> float:
        return super().time() + self.ahead_s

    def skip(self, seconds: float) -> None:
        self.ahead_s += seconds


def play(story: Callable[[Forward], Coroutine[Any, Any, None]]) -> None:
    """Run a story, or fail when it hangs."""

    def hang(number: int, frame: object) -> None:
        raise SystemExit  # no callback keeps it to itself

    before = signal.signal(signal.SIGALRM, hang)  # the wall's clock: the loop's is put forward
    signal.alarm(HURRY_S)
    try:
        with asyncio.Runner(loop_factory=Forward) as runner:
            loop = runner.get_loop()
            assert isinstance(loop, Forward)
            runner.run(story(loop))
    except SystemExit:
        pytest.fail("the story hangs")
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


async def until(met: Callable[[], object]) -> None:
    """Let everything else go on until this is so."""
    while not met():  # noqa: ASYNC110  of many things, and they have no event
        await asyncio.sleep(0)


async def turns(count: int = 50) -> None:
    """Let everything else go on for a while: for what shall not happen."""
    for _ in range(count):
        await asyncio.sleep(0)


async def forward(clock: Forward, task: "asyncio.Task[T]", step_s: float = 1.0) -> T:
    """What it returns, however long that takes by the loop's clock."""
    while not task.done():
        clock.skip(step_s)
        await turns(20)
    return await task


# Mails.


def some(count: int, domain: str = "sink.test", first: int = 0) -> list[Envelope]:
    """Each with bytes of its own."""
    return [
        Envelope(
            n=n,
            recipient=f"r{n}@{domain}",
            return_path=f"b{n}@sender.test",
            message=[f"Subject: {n}\r\n\r\nHello.\r\n"],
        )
        for n in range(first, first + count)
    ]


SHARED = ["Subject: to all\r\n\r\nHello.\r\n"]


def same(count: int, domain: str = "sink.test", first: int = 0) -> list[Envelope]:
    """All with the same bytes, `SHARED`."""
    return [
        Envelope(n=n, recipient=f"r{n}@{domain}", return_path="b@sender.test", message=[0])
        for n in range(first, first + count)
    ]


@dataclass
class Ledger:
    """What became of the mails of one Bag."""

    told: list[tuple[int, Verdict]] = field(default_factory=list)
    held: list[tuple[int, float, str]] = field(default_factory=list)
    goes_on: bool = True
    on_report: Callable[[Envelope], None] = lambda envelope: None

    def report(self, envelope: Envelope, verdict: Verdict, queued_s: float) -> None:
        self.told.append((envelope.n, verdict))
        self.on_report(envelope)

    def hold(self, envelope: Envelope, delay_s: float, why: str) -> None:
        self.held.append((envelope.n, delay_s, why))

    def consignment(self) -> Consignment:
        return Consignment(self.report, self.hold, lambda: self.goes_on)

    @property
    def kinds(self) -> list[str]:
        return [verdict.kind for _, verdict in self.told]

    @property
    def numbers(self) -> list[int]:
        """Everybody that was heard of, sorted."""
        return sorted([n for n, _ in self.told] + [n for n, _, _ in self.held])


async def send(
    scheduler: Scheduler,
    destination: Destination,
    envelopes: list[Envelope],
    ledger: Ledger | None = None,
) -> Ledger:
    ledger = ledger or Ledger()
    await scheduler.deliver(destination, envelopes, SHARED, ledger.consignment())
    return ledger


@asynccontextmanager
async def open_scheduler(
    limits: Limits | None = None,
    own: dict[str, dict[str, int]] | None = None,
    *,
    seed: int = 0,
    options: Options = OPTIONS,
    settings: dict[str, Any] | None = None,
    **given: Any,
) -> AsyncIterator[Scheduler]:
    """`settings` are those of `Settings`; `own` the limits of some sites."""
    book = LimitBook(limits or Limits(), own or {})
    made = Settings(**(settings or {}))
    scheduler = Scheduler(options, Random(seed), limits=book, settings=made, **given)
    try:
        yield scheduler
    finally:
        await scheduler.close()


# Servers.

Say = Callable[["Session", str], Awaitable[str | None]]
"""What to answer to a line; None for the usual. "" hangs up. Lines are what a client says, and
`CONNECT` and `.` (the end of a message)."""

USUAL = {
    "CONNECT": "220 host.test",
    "EHLO": "250-host.test\r\n250 PIPELINING",
    "DATA": "354 go ahead",
    "QUIT": "221 bye",
}


async def usual(session: "Session", line: str) -> str | None:
    return None


def says(**answers: str) -> Say:
    """The same answer to a verb at all times."""

    async def say(session: "Session", line: str) -> str | None:
        return answers.get(verb(line))

    return say


def behind(gate: asyncio.Event, *verbs: str) -> Say:
    """The usual, but these answers only when the gate opens."""

    async def say(session: "Session", line: str) -> str | None:
        if verb(line) in verbs:
            await gate.wait()
        return None

    return say


def verb(line: str) -> str:
    return "BODY" if line == "." else line.split()[0].upper()


@dataclass(eq=False)
class Session:
    """One connection of a client."""

    number: int
    peer: str
    lines: list[str] = field(default_factory=list)
    mails: int = 0
    recipients: list[str] = field(default_factory=list)


class Host:
    """An SMTP server, and what it has seen."""

    def __init__(self, say: Say = usual, address: str = "127.0.0.1") -> None:
        self.say = say
        self.address = address
        self.port = 0
        self.sessions: list[Session] = []
        self.open = 0
        self.most_open = 0
        self.received: list[str] = []
        """The recipients of all mails, as they came."""
        self.transactions: list[list[str]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Host":
        self._server = await asyncio.start_server(self._serve, self.address, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def target(self, name: str = "host.test", **given: Any) -> Target:
        return Target(name, self.port, self.address, **{"tls": Tls.NEVER, **given})

    def destination(self, name: str = "host.test", **given: Any) -> Destination:
        return Destination.of_hosts([self.target(name, **given)])

    def heard(self, word: str) -> int:
        """How often clients said this."""
        return sum(verb(line) == word for each in self.sessions for line in each.lines)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        session = Session(len(self.sessions), writer.get_extra_info("peername")[0])
        self.sessions.append(session)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._converse(session, reader, writer)
        finally:
            self.open -= 1
            self._tasks.discard(task)
            writer.close()

    async def _converse(
        self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        line = "CONNECT"
        while line:
            session.lines.append(line)
            said = await self.say(session, line)
            answer = self._usual(session, line) if said is None else said
            if not answer:
                return
            self._note(session, line, answer)
            writer.write(answer.encode() + b"\r\n")
            if answer.startswith(("221", "421")):
                return
            if answer.startswith("354"):
                await reader.readuntil(b"\r\n.\r\n")
                line = "."
            else:
                line = (await reader.readline()).decode().strip()

    def _usual(self, session: Session, line: str) -> str:
        if verb(line) == "DATA" and not session.recipients:
            return "554 no valid recipients"
        return USUAL.get(verb(line), "250 ok")

    def _note(self, session: Session, line: str, answer: str) -> None:
        word, good = verb(line), answer.startswith("2")
        if word in ("MAIL", "RSET"):
            session.recipients = []
        if word == "RCPT" and good:
            session.recipients.append(line.partition("<")[2].partition(">")[0])
        if word == "BODY" and good:
            session.mails += 1
            self.received += session.recipients
            self.transactions.append(session.recipients)


@asynccontextmanager
async def silent_port() -> AsyncIterator[int]:
    """Who connects there hears nothing."""
    here = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError):
            await here.wait()
        writer.close()

    server = await asyncio.start_server(wait, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        here.set()
        server.close()
