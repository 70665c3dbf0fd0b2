"""The transactions of one session (RFC 5321 §3.3) with PIPELINING (RFC 2920). No I/O, no clock.

A message costs one round trip: its body and final dot travel together with MAIL, all RCPTs and
DATA of the next message, whose answers come right behind the verdict. Where CHUNKING is offered
too (RFC 3030), MAIL, RCPTs, BDAT and the body are said at once instead. A server that does not
announce PIPELINING is asked command by command, by the same table:

    awaited   2xx                      354                        4xx, 5xx
    reset     MAIL                     broken off                 broken off
    mail      RCPT                     broken off                 refused
    rcpt      the next RCPT, or DATA   broken off                 this recipient refused
    data      broken off               the body, the next MAIL    refused
    body      accepted                 broken off                 refused
    bdat      accepted                 broken off                 refused
    dot       the next MAIL            broken off                 the next MAIL

"refused" is for all recipients that are not refused yet. When the last one has its verdict, the
message is reported, and the next one follows. With LMTP there is one answer to the body for each
accepted recipient (RFC 2033 §4.2).

What was pipelined behind the refused MAIL, or behind the refusal of the last RCPT, is still
answered; a 354 among these answers is met with a lone dot (RFC 2920 §3.1), whose own answer means
nothing, and a 250 to BDAT delivers nobody. The next MAIL then comes behind an RSET.

503 to MAIL, RCPT or DATA, which were said at once, ends the session, too: the server announces
PIPELINING and cannot do it. The message is given back, and goes command by command (`broken`).

421 ends the session from everywhere (RFC 5321 §3.8), like a lost connection. What that says about
the message under way is in `ending`. One about which nothing was said is given back; unless the
session brought no verdict at all, so that a server that always hangs up cannot keep a message
going round for ever.
"""

from collections.abc import Callable
from dataclasses import replace

from functions.send.smtp import commands
from functions.send.smtp.capabilities import Capabilities
from functions.send.smtp.ending import Ending
from functions.send.smtp.outgoing import Work
from functions.send.smtp.pipeline import Awaited, Pipeline
from functions.send.smtp.reply import Reply
from functions.send.smtp.transaction import Transaction
from functions.send.smtp.verdict import (
    Peer,
    Stage,
    accepted,
    refused,
    refused_recipient,
    unexpected,
)

_STAGES: dict[Awaited, Stage] = {
    "reset": "mail",
    "mail": "mail",
    "rcpt": "rcpt",
    "data": "data",
    "body": "body",
    "bdat": "body",
    "dot": "mail",
}
OUT_OF_ORDER = 503
_KNOWS_NO_BDAT = (500, 502, 503)


class Dialogue:
    """What to say next, and what the answers mean, from the first MAIL to the end of the session.

    `start` and `receive` return the bytes to send, if any. Verdicts go to the `Work`. `now` is a
    time in seconds, of which only differences count.
    """

    __slots__ = (
        "_lmtp",
        "_now",
        "_offered",
        "_peer",
        "_pipeline",
        "_work",
        "broken",
        "over",
        "verdicts",
    )

    def __init__(self, peer: Peer, offered: Capabilities, lmtp: bool = False) -> None:
        self._peer = peer
        self._offered = offered
        self._lmtp = lmtp
        self._pipeline = Pipeline(offered, lmtp)
        self._work: Work
        self._now = 0.0
        self.broken: list[str] = []
        """What the server announced, and cannot do: fields of `Capabilities`."""
        self.over = False
        """Nothing more can be said in this session."""
        self.verdicts = 0
        """How many messages the server, or its silence, settled."""

    @property
    def awaited(self) -> Awaited | None:
        """What the next reply will answer; None when nothing is under way."""
        awaited = self._pipeline.awaited
        return awaited[0][0] if awaited else None

    @property
    def large(self) -> bool:
        """What is being said is one large body, and nothing else."""
        return self._pipeline.large

    def start(self, work: Work, now: float) -> bytes:
        """Transmit everything that `work` has. Only while nothing is under way."""
        if self.over or self._pipeline.awaited:
            raise RuntimeError("start() in the middle of a transaction, or after the end")
        self._work = work
        self._now = now
        return self._next()

    def receive(self, reply: Reply, now: float) -> bytes:
        """Take in one reply."""
        under_way = self._pipeline.awaited
        if self.over or not under_way:
            self.over = True  # 421 to an idle client; nothing else may come unasked
            return b""
        self._now = now
        awaited, transaction = under_way[0]
        usual, after = _AFTER[awaited]
        if reply.code != usual and not _makes_sense(awaited, reply.code):
            nonsense = awaited == "reset" and reply.code != 421
            return self._end(Ending.of(reply, nonsense=nonsense))
        if reply.code == OUT_OF_ORDER and self._breaks_pipelining(awaited, transaction):
            self.broken.append("pipelining")
            return self._end(Ending(unexpected(reply), by_us=True))
        under_way.popleft()
        return after(self, transaction, reply)

    def _breaks_pipelining(self, awaited: Awaited, transaction: Transaction) -> bool:
        """Whether the server lost count of what we had said at once. That is no word about the
        message: it is given back, and asked command by command from now on."""
        asked = awaited in ("mail", "rcpt", "data")
        return asked and not self._pipeline.one_by_one and not transaction.settled

    def interrupted(self, reply: Reply, now: float) -> None:
        """Take in a reply to something that has not left us yet: the session ends there."""
        self._now = now
        self._end(Ending.of(reply, unsent=True, nonsense=self.awaited != "body"))

    def lost(self, why: str, now: float, unsent: bool = False) -> None:
        """The connection ended. `unsent`: part of what we had to say had not left us."""
        self._now = now
        self._end(Ending(why, unsent=unsent))

    def abandon(self, why: str, now: float) -> None:
        """We ourselves end it: what was only asked for is given back in any case."""
        self._now = now
        self._end(Ending(why, by_us=True))

    # What a reply leads to, by what it answers.

    def _after_reset(self, transaction: Transaction, reply: Reply) -> bytes:
        if not self._pipeline.one_by_one:
            return b""
        return self._pipeline.say("mail", transaction, transaction.mail)

    def _after_mail(self, transaction: Transaction, reply: Reply) -> bytes:
        if reply.code >= 400:
            return self._refuse("mail", transaction, reply)
        if not self._pipeline.one_by_one:
            return b""
        return self._pipeline.say("rcpt", transaction, transaction.next_rcpt)

    def _after_rcpt(self, transaction: Transaction, reply: Reply) -> bytes:
        if not transaction.settled:
            self._note_rcpt(transaction, reply)
        if transaction.settled or not self._pipeline.one_by_one:
            return self._go_on()
        if not transaction.all_answered:
            return self._pipeline.say("rcpt", transaction, transaction.next_rcpt)
        return self._pipeline.say("data", transaction, commands.DATA)

    def _note_rcpt(self, transaction: Transaction, reply: Reply) -> None:
        if reply.code < 300:
            transaction.accept()
            return
        some = transaction.accepted > 0
        passed_s = self._now - transaction.mail_at
        transaction.refuse(refused_recipient(self._peer, reply, some, passed_s))
        if transaction.all_answered and not some:
            self._pipeline.stale = True
            self._report(transaction)

    def _after_data(self, transaction: Transaction, reply: Reply) -> bytes:
        if reply.code >= 400:
            return self._refuse("data", transaction, reply)
        if transaction.settled:
            if self._lmtp:  # it would not answer the dot (RFC 2033 §4.2)
                return self._end(Ending.of(reply))
            return self._pipeline.say("dot", transaction, commands.DOT) + self._next()
        body = self._pipeline.body(transaction)
        return body + self._next() if self._pipeline.may_add(transaction) else body

    def _after_body(self, transaction: Transaction, reply: Reply) -> bytes:
        passed_s = self._now - transaction.mail_at
        if reply.code < 300:
            verdict = accepted(self._peer, reply, passed_s)
        else:
            verdict = refused(self._peer, "body", reply, passed_s)
        if self._lmtp:
            transaction.tell_next(verdict)
        else:
            transaction.fill(verdict)
        if not transaction.accepted:
            self._report(transaction)
        return self._go_on()

    def _after_bdat(self, transaction: Transaction, reply: Reply) -> bytes:
        if reply.code >= 400:
            self._pipeline.stale = True  # RFC 3030 §2
        if transaction.settled:
            return self._go_on()
        if reply.code in _KNOWS_NO_BDAT:
            self.broken.append("chunking")
            self._pipeline.bdat = False
            transaction.restart_by_data()
            return self._pipeline.begin(transaction, self._now)
        return self._after_body(transaction, reply)

    def _after_dot(self, transaction: Transaction, reply: Reply) -> bytes:
        return self._go_on()

    def _refuse(self, stage: Stage, transaction: Transaction, reply: Reply) -> bytes:
        if not transaction.settled:
            passed_s = self._now - transaction.mail_at
            transaction.fill(refused(self._peer, stage, reply, passed_s))
            self._pipeline.stale = True
            self._report(transaction)
        return self._go_on()

    def _go_on(self) -> bytes:
        return b"" if self._pipeline.awaited else self._next()

    def _next(self) -> bytes:
        """Open the next transaction, if there is more work."""
        while (outgoing := self._work.take()) is not None:
            bdat = self._pipeline.bdat
            transaction = Transaction(outgoing, self._peer, self._offered, bdat)
            if transaction.rcpts:
                return self._pipeline.begin(transaction, self._now)
            self._work.report(outgoing, transaction.verdicts)
        return b""

    # How it ends.

    def _report(self, transaction: Transaction) -> None:
        transaction.settled = True
        self.verdicts += 1
        self._work.report(transaction.outgoing, transaction.verdicts)
        if self._peer.connect_s:
            self._peer = replace(self._peer, connect_s=0.0)

    def _end(self, ending: Ending) -> bytes:
        """Settle whatever is under way."""
        give_back = ending.by_us or self.verdicts > 0 or self.awaited == "reset"
        self.over = True
        for awaited, transaction in self._pipeline.awaited:
            if transaction.settled:
                continue
            answered = awaited in ("body", "bdat") or transaction.told
            if give_back and not answered and not ending.ambiguous(transaction):
                transaction.settled = True
                self._work.give_back(transaction.outgoing)
                continue
            stage = _STAGES[awaited]
            transaction.fill(ending.verdict(self._peer, stage, transaction, self._now))
            self._report(transaction)
            give_back = True
        self._pipeline.awaited.clear()
        return b""


def _makes_sense(awaited: Awaited, code: int) -> bool:
    """Whether the session can go on after this answer."""
    if code >= 400:
        return code != 421 and awaited != "reset"
    return code == 354 if awaited == "data" else code < 300


_AFTER: dict[Awaited, tuple[int, Callable[[Dialogue, Transaction, Reply], bytes]]] = {
    "reset": (250, Dialogue._after_reset),
    "mail": (250, Dialogue._after_mail),
    "rcpt": (250, Dialogue._after_rcpt),
    "data": (354, Dialogue._after_data),
    "body": (250, Dialogue._after_body),
    "bdat": (250, Dialogue._after_bdat),
    "dot": (250, Dialogue._after_dot),
}
"""The usual answer, and what follows on any that makes sense."""
