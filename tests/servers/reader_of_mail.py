"""Where the mail ends: a server behind Postfix that notes every transaction as it was said.

It runs in threads of its own, so that it lives longer than the event loop of one test. It offers
what Postfix passes on only to a server that offers it: DSN, 8BITMIME, SMTPUTF8.
"""

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from socketserver import StreamRequestHandler, ThreadingTCPServer

_OFFERED = ("reader.example", "PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "SIZE 52428800")
WAIT_S = 20


@dataclass(frozen=True)
class Transaction:
    """One message and its envelope."""

    mail: str
    """What followed `MAIL`: `FROM:<…> SIZE=… BODY=8BITMIME ENVID=…`."""
    rcpt: list[str]
    """What followed each `RCPT`: `TO:<…> NOTIFY=…`."""
    message: bytes

    @property
    def recipients(self) -> list[str]:
        return [_address(each) for each in self.rcpt]

    @property
    def return_path(self) -> str:
        return _address(self.mail)

    @property
    def as_sent(self) -> bytes:
        """The message as Ekiden sent it: servers on the way put their headers on top."""
        return self.message[self.message.index(b"DKIM-Signature:") :]


def _address(argument: str) -> str:
    found = re.search("<(.*?)>", argument)
    return found[1] if found else ""


class ReaderOfMail:
    """`transactions` holds all that came."""

    def __init__(self) -> None:
        self.transactions: list[Transaction] = []
        self.port = 0
        self._came = threading.Condition()

    def keep(self, transaction: Transaction) -> None:
        with self._came:
            self.transactions.append(transaction)
            self._came.notify_all()

    def to(self, recipient: str) -> list[Transaction]:
        return [each for each in self.transactions if recipient in each.recipients]

    async def mail_to(self, recipient: str) -> list[Transaction]:
        """All that came for this recipient, as soon as anything has come."""
        await self.mail_that(lambda mail: recipient in mail.recipients)
        return self.to(recipient)

    async def mail_that(self, holds: Callable[[Transaction], bool]) -> Transaction:
        """The first mail for which `holds` is true, as soon as it has come."""
        return await asyncio.to_thread(self._wait, holds)

    def _wait(self, holds: Callable[[Transaction], bool]) -> Transaction:
        def found() -> Transaction | None:
            return next(filter(holds, self.transactions), None)

        with self._came:
            mail = self._came.wait_for(found, WAIT_S)
        assert mail, f"it is not among the {len(self.transactions)} mails that came"
        return mail


class _Session(StreamRequestHandler):
    reader: ReaderOfMail

    def handle(self) -> None:
        self._mail, self._rcpt = "", list[str]()
        self._say("220 reader.example ESMTP")
        for line in self.rfile:
            verb, _, rest = line.decode("utf-8").rstrip("\r\n").partition(" ")
            if verb.upper() == "QUIT":
                self._say("221 2.0.0 bye")
                return
            self._answer(verb.upper(), rest)

    def _answer(self, verb: str, rest: str) -> None:
        if verb == "EHLO":
            *more, last = _OFFERED
            return self._say("\r\n".join([*(f"250-{line}" for line in more), f"250 {last}"]))
        if verb == "DATA":
            return self._read_message()
        if verb == "RCPT":
            self._rcpt.append(rest)
        if verb in ("MAIL", "RSET"):
            self._mail, self._rcpt = rest, []
        return self._say("250 2.0.0 ok")

    def _read_message(self) -> None:
        self._say("354 go ahead")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        self.reader.keep(Transaction(self._mail, self._rcpt, b"".join(lines)))
        self._say("250 2.0.0 read")

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def running_reader() -> Iterator[ReaderOfMail]:
    reader = ReaderOfMail()
    session = type("Session", (_Session,), {"reader": reader})
    with _Server(("127.0.0.1", 0), session) as server:
        reader.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield reader
        finally:
            server.shutdown()
