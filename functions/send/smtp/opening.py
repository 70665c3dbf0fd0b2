"""How a session is opened: greeting, EHLO, STARTTLS, AUTH. No I/O.

Each step is a generator that yields what to say and is sent the server's reply, so that it reads
like the dialogue that it is. `connecting.py` runs them over a socket, tests over a list.
"""

from base64 import b64encode
from collections.abc import Generator
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from functions.send.smtp.capabilities import Capabilities, capabilities
from functions.send.smtp.commands import STARTTLS
from functions.send.smtp.reply import Reply
from functions.send.smtp.verdict import Stage


class Say(NamedTuple):
    """One command, and how far we are; an empty command only waits for the server to speak."""

    stage: Stage
    command: bytes


Result = TypeVar("Result")
Steps = Generator[Say, Reply, Result]


class Refused(Exception):
    """The server does not open a session with us."""

    def __init__(self, stage: Stage, reply: Reply) -> None:
        super().__init__(stage, reply)
        self.stage = stage
        self.reply = reply


class CannotOpen(Exception):
    """The server and we do not fit together. That says nothing about any message."""


@dataclass(frozen=True, slots=True)
class Login:
    """For a smarthost that wants to know us (RFC 4954)."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Login(user={self.user!r}, password=…)"


def greeting() -> Steps[None]:
    """Wait for the 220 (RFC 5321 §3.1). Raises `Refused`."""
    reply = yield Say("greeting", b"")
    if not _good(reply):
        raise Refused("greeting", reply)


def hello(name: str, lmtp: bool = False) -> Steps[Capabilities]:
    """EHLO, or HELO for a server of before 1995 (RFC 5321 §3.2); LHLO, which is all that an LMTP
    server knows (RFC 2033 §4.1). Raises `Refused`, `CannotOpen`."""
    verb = "LHLO" if lmtp else "EHLO"
    reply = yield Say("ehlo", f"{verb} {name}\r\n".encode("ascii"))
    if _good(reply):
        return capabilities(reply)
    if not lmtp and 500 <= reply.code < 600:
        reply = yield Say("ehlo", f"HELO {name}\r\n".encode("ascii"))
        if _good(reply):
            return Capabilities()
    if lmtp and reply.code in (500, 502):
        raise CannotOpen(f"speaks no LMTP: {reply.code} {reply.text}")
    raise Refused("ehlo", reply)


def starttls() -> Steps[None]:
    """Ask to go over to TLS (RFC 3207 §4). Raises `Refused`; the session then stands as it was."""
    reply = yield Say("starttls", STARTTLS)
    if reply.code != 220:
        raise Refused("starttls", reply)


def authentication(login: Login, mechanisms: frozenset[str]) -> Steps[None]:
    """AUTH PLAIN (RFC 4616), or LOGIN, which has no RFC. Raises `CannotOpen`."""
    if "PLAIN" in mechanisms:
        reply = yield _secret(b"AUTH PLAIN ", f"\0{login.user}\0{login.password}")
    elif "LOGIN" in mechanisms:
        reply = yield Say("auth", b"AUTH LOGIN\r\n")
        if reply.code == 334:
            reply = yield _secret(b"", login.user)
        if reply.code == 334:
            reply = yield _secret(b"", login.password)
    else:
        raise CannotOpen("neither AUTH PLAIN nor AUTH LOGIN is offered")
    if reply.code != 235:
        raise CannotOpen(f"login as {login.user} refused: {reply.code} {reply.text}")


def _secret(command: bytes, text: str) -> Say:
    return Say("auth", command + b64encode(text.encode()) + b"\r\n")


def _good(reply: Reply) -> bool:
    return 200 <= reply.code < 300
