"""Messages for the tests, and what became of them."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import uvloop

from functions.send.smtp.outgoing import Outgoing
from functions.send.smtp.verdict import Verdict

Result = TypeVar("Result")
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def run(main: Coroutine[Any, Any, Result], loop: str = "asyncio") -> Result:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(main)


@dataclass(frozen=True, eq=False)
class Mail:
    """An `Outgoing` that is known by a name."""

    name: str
    recipient: str = ""
    return_path: str = "bounces@sender.test"
    message: bytes = b""

    @classmethod
    def to(cls, name: str, body: str = ".Hello.") -> "Mail":
        message = f"To: {name}@mx.test\r\n\r\n{body}\r\n".encode()
        return cls(name, f"{name}@mx.test", message=message)


def some(count: int) -> list[Outgoing]:
    return [Mail.to(f"r{n}") for n in range(count)]


@dataclass
class Reports:
    """Every verdict, in the order in which they came."""

    verdicts: list[tuple[str, Verdict]] = field(default_factory=list)

    def __call__(self, outgoing: Outgoing, verdict: Verdict) -> None:
        assert isinstance(outgoing, Mail)
        self.verdicts.append((outgoing.name, verdict))

    @property
    def kinds(self) -> list[str]:
        return [verdict.kind for _, verdict in self.verdicts]

    def lines(self, with_text: bool = False) -> list[str]:
        return [shown(name, verdict, with_text) for name, verdict in self.verdicts]


def shown(name: str, verdict: Verdict, with_text: bool = False) -> str:
    """Such as `one permanent rcpt 550 5.1.1 "no such user"`."""
    words = [name, verdict.kind, verdict.stage, str(verdict.code or "-"), verdict.enhanced]
    words += ["ambiguous" if verdict.ambiguous else "", verdict.tls and "tls"]
    words += [f'"{verdict.text}"'] if with_text else []
    return " ".join(word for word in words if word)
