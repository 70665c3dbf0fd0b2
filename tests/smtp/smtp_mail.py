"""Messages for the tests, and what became of them."""

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import uvloop

from functions.send.smtp.connecting import connect
from functions.send.smtp.options import Options
from functions.send.smtp.outgoing import Outgoing
from functions.send.smtp.target import Target
from functions.send.smtp.verdict import NoSession, Verdict

Result = TypeVar("Result")
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def run(main: Coroutine[Any, Any, Result], loop: str = "asyncio") -> Result:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(main)


@dataclass(frozen=True, eq=False)
class Mail:
    """An `Outgoing` that is known by a name."""

    name: str
    recipients: tuple[str, ...] = ()
    return_path: str = "bounces@sender.test"
    message: bytes = b""
    envelope_id: str = ""

    @classmethod
    def to(cls, name: str, body: str = ".Hello.", also: tuple[str, ...] = ()) -> "Mail":
        """To `name@mx.test`, and to all of `also`, which go by their local part too."""
        message = f"To: {name}@mx.test\r\n\r\n{body}\r\n".encode()
        recipients = tuple(f"{each}@mx.test" for each in (name, *also))
        return cls(name, recipients, message=message)


def some(count: int) -> list[Outgoing]:
    return [Mail.to(f"r{n}") for n in range(count)]


@dataclass
class Reports:
    """Every verdict, in the order in which they came, under the recipient's name."""

    verdicts: list[tuple[str, Verdict]] = field(default_factory=list)

    def __call__(self, outgoing: Outgoing, verdicts: Sequence[Verdict]) -> None:
        assert isinstance(outgoing, Mail)
        self.verdicts += zip(names(outgoing), verdicts, strict=True)

    @property
    def kinds(self) -> list[str]:
        return [verdict.kind for _, verdict in self.verdicts]

    def lines(self, with_text: bool = False) -> list[str]:
        return [shown(name, verdict, with_text) for name, verdict in self.verdicts]


def names(mail: Mail) -> list[str]:
    """The message's name stands for its first recipient, and for the only one."""
    return [mail.name, *(each.partition("@")[0] for each in mail.recipients[1:])]


class Queue:
    """The `Work` of one connection after another."""

    def __init__(self, waiting: Iterable[Outgoing], report: Reports) -> None:
        self.waiting = deque(waiting)
        self.report = report

    def take(self) -> Outgoing | None:
        return self.waiting.popleft() if self.waiting else None

    def give_back(self, outgoing: Outgoing) -> None:
        self.waiting.appendleft(outgoing)


async def deliver(target: Target, options: Options, waiting: Iterable[Outgoing]) -> Reports:
    """Over one connection after another, until there is none to be had."""
    queue = Queue(waiting, Reports())
    while queue.waiting:
        try:
            connection = await connect(target, options)
        except NoSession as failure:
            for mail in queue.waiting:
                queue.report(mail, [failure.verdict] * len(mail.recipients))
            break
        await connection.transmit(queue)
        await connection.quit()
    return queue.report


def shown(name: str, verdict: Verdict, with_text: bool = False) -> str:
    """Such as `one permanent rcpt 550 5.1.1 "no such user"`."""
    words = [name, verdict.kind, verdict.stage, str(verdict.code or "-"), verdict.enhanced]
    words += ["ambiguous" if verdict.ambiguous else "", verdict.tls and "tls", verdict.tls_proof]
    words += [f'"{verdict.text}"'] if with_text else []
    return " ".join(word for word in words if word)
