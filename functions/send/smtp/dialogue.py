"""The transactions of one session (RFC 5321 §3.3) with PIPELINING (RFC 2920). No I/O.

A message costs one round trip: its body and final dot travel together with MAIL, RCPT and DATA of
the next message, whose answers come right behind the verdict. A server that does not announce
PIPELINING is asked command by command, by the same table:

    awaited   2xx              354                        4xx, 5xx
    reset     MAIL             broken off                 broken off
    mail      RCPT             broken off                 refused
    rcpt      DATA             broken off                 refused
    data      broken off       the body, the next MAIL    refused
    body      accepted         broken off                 refused
    dot       the next MAIL    broken off                 the next MAIL

"refused" reports the verdict and goes on with the next message. What was pipelined behind the
refused command is still answered; a 354 among these answers is met with a lone dot (RFC 2920
§3.1), whose own answer means nothing. The next MAIL then comes behind an RSET.

421 ends the session from everywhere (RFC 5321 §3.8), like a lost connection. A message whose body
was sent gets its verdict then. One that was only asked for is given back, because nothing was
said about it; unless the session brought no verdict at all, so that a server that always hangs up
cannot keep a message going round for ever.
"""

from collections import deque
from collections.abc import Callable
from typing import Literal

from functions.send.smtp import commands
from functions.send.smtp.capabilities import Capabilities
from functions.send.smtp.outgoing import Outgoing, Work
from functions.send.smtp.reply import Reply
from functions.send.smtp.verdict import (
    Peer,
    Stage,
    Verdict,
    accepted,
    refused,
    refused_here,
    unanswered,
)

Awaited = Literal["reset", "mail", "rcpt", "data", "body", "dot"]

LARGE_BYTES = 64 * 1024
"""A body beyond this takes several writes. The next message is not pipelined behind it: it would
wait for long, and how much of the body has left would be hard to tell."""


class _Transaction:
    __slots__ = ("body", "mail", "outgoing", "rcpt", "settled")

    def __init__(self, outgoing: Outgoing, offered: Capabilities) -> None:
        self.outgoing = outgoing
        recipient, message = outgoing.recipient, outgoing.message
        self.rcpt = commands.rcpt(recipient)
        self.mail = commands.mail(outgoing.return_path, recipient, message, offered)
        self.body = commands.body(message)
        self.settled = False  # reported or given back


class Dialogue:
    """What to say next, and what the answers mean, from the first MAIL to the end of the session.

    `start` and `receive` return the bytes to send, if any. Verdicts go to the `Work`.
    """

    __slots__ = ("_awaited", "_offered", "_peer", "_stale", "_work", "over", "verdicts")

    def __init__(self, peer: Peer, offered: Capabilities) -> None:
        self._peer = peer
        self._offered = offered
        self._awaited: deque[tuple[Awaited, _Transaction]] = deque()
        self._stale = False  # the server may hold a MAIL that came to nothing
        self._work: Work
        self.over = False
        """Nothing more can be said in this session."""
        self.verdicts = 0
        """How many the server, or its silence, gave."""

    @property
    def awaited(self) -> Awaited | None:
        """What the next reply will answer; None when nothing is under way."""
        return self._awaited[0][0] if self._awaited else None

    def start(self, work: Work) -> bytes:
        """Transmit everything that `work` has. Only while nothing is under way."""
        if self.over or self._awaited:
            raise RuntimeError("start() in the middle of a transaction, or after the end")
        self._work = work
        return self._next()

    def receive(self, reply: Reply) -> bytes:
        """Take in one reply."""
        if self.over or not self._awaited:
            self.over = True  # 421 to an idle client; nothing else may come unasked
            return b""
        if reply.code == 421:
            return self._end(reply)
        awaited, transaction = self._awaited[0]
        if awaited == "body":
            return self._after_body(transaction, reply)
        if awaited == "data":
            return self._after_data(transaction, reply)
        if awaited == "mail" or awaited == "rcpt":
            return self._after_address(awaited, transaction, reply)
        return self._after_cleaning(awaited, transaction, reply)

    def interrupted(self, reply: Reply) -> None:
        """Take in a reply to something that has not left us yet: the session ends there."""
        self._end(reply, dot_sent=False)

    def lost(self, why: str, dot_sent: bool = True) -> None:
        """The connection ended. `dot_sent`: whatever we had to say had left us."""
        self._settle_all(lambda stage: self._silence(stage, why, dot_sent), bool(self.verdicts))

    def abandon(self, why: str) -> None:
        """We ourselves end it: what was only asked for is given back in any case."""
        self._settle_all(lambda stage: self._silence(stage, why, True), True)

    # What a reply leads to, by what it answers.

    def _after_cleaning(self, awaited: Awaited, transaction: _Transaction, reply: Reply) -> bytes:
        if 300 <= reply.code < 400 or (awaited == "reset" and reply.code >= 300):
            return self._end(reply)
        self._awaited.popleft()
        if awaited == "reset" and not self._offered.pipelining:
            return self._say("mail", transaction, transaction.mail)
        return self._go_on()

    def _after_address(
        self, awaited: Literal["mail", "rcpt"], transaction: _Transaction, reply: Reply
    ) -> bytes:
        if 300 <= reply.code < 400:
            return self._end(reply)
        self._awaited.popleft()
        if reply.code >= 400:
            return self._refuse(awaited, transaction, reply)
        if self._offered.pipelining:
            return b""
        if awaited == "mail":
            return self._say("rcpt", transaction, transaction.rcpt)
        return self._say("data", transaction, commands.DATA)

    def _after_data(self, transaction: _Transaction, reply: Reply) -> bytes:
        if reply.code < 400 and reply.code != 354:
            return self._end(reply)
        self._awaited.popleft()
        if reply.code != 354:
            return self._refuse("data", transaction, reply)
        if transaction.settled:
            return self._say("dot", transaction, commands.DOT) + self._next()
        body = self._say("body", transaction, transaction.body)
        if self._offered.pipelining and len(body) <= LARGE_BYTES:
            return body + self._next()
        return body

    def _after_body(self, transaction: _Transaction, reply: Reply) -> bytes:
        if 300 <= reply.code < 400:
            return self._end(reply)
        self._awaited.popleft()
        if reply.code < 300:
            self._report(transaction, accepted(self._peer, reply))
        else:
            self._report(transaction, refused(self._peer, "body", reply))
        return self._go_on()

    def _refuse(self, stage: Stage, transaction: _Transaction, reply: Reply) -> bytes:
        if not transaction.settled:
            self._report(transaction, refused(self._peer, stage, reply))
            self._stale = True
        return self._go_on()

    # What we say.

    def _go_on(self) -> bytes:
        return b"" if self._awaited else self._next()

    def _say(self, awaited: Awaited, transaction: _Transaction, command: bytes) -> bytes:
        self._awaited.append((awaited, transaction))
        return command

    def _next(self) -> bytes:
        """Open the next transaction, if there is more work."""
        transaction = self._take()
        if transaction is None:
            return b""
        reset = b""
        if self._stale:
            self._stale = False
            reset = self._say("reset", transaction, commands.RSET)
            if not self._offered.pipelining:
                return reset
        if not self._offered.pipelining:
            return self._say("mail", transaction, transaction.mail)
        self._awaited += (("mail", transaction), ("rcpt", transaction), ("data", transaction))
        return reset + transaction.mail + transaction.rcpt + commands.DATA

    def _take(self) -> _Transaction | None:
        while (outgoing := self._work.take()) is not None:
            try:
                return _Transaction(outgoing, self._offered)
            except commands.Unsendable as no:
                verdict = refused_here(self._peer, "mail", no.code, no.enhanced, no.text)
                self._work.report(outgoing, verdict)
        return None

    # How it ends.

    def _report(self, transaction: _Transaction, verdict: Verdict) -> None:
        transaction.settled = True
        self.verdicts += 1
        self._work.report(transaction.outgoing, verdict)

    def _end(self, reply: Reply, dot_sent: bool = True) -> bytes:
        """The session is over by this reply: a 421, or one that makes no sense here."""

        def no(stage: Stage) -> Verdict:
            return refused(self._peer, stage, reply, dot_sent)

        self._settle_all(no, bool(self.verdicts))
        return b""

    def _silence(self, stage: Stage, why: str, dot_sent: bool) -> Verdict:
        return unanswered(self._peer, stage, why, ambiguous=dot_sent and stage == "body")

    def _settle_all(self, verdict: Callable[[Stage], Verdict], give_back: bool) -> None:
        self.over = True
        for awaited, transaction in self._awaited:
            if transaction.settled:
                continue
            if awaited == "body" or not give_back:
                stage: Stage = "mail" if awaited == "reset" or awaited == "dot" else awaited
                self._report(transaction, verdict(stage))
                give_back = True
            else:
                transaction.settled = True
                self._work.give_back(transaction.outgoing)
        self._awaited.clear()
