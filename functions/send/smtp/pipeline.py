"""What we say in a transaction, and which answers are still to come. No I/O."""

from collections import deque
from typing import Literal

from functions.send.smtp import commands
from functions.send.smtp.capabilities import Capabilities
from functions.send.smtp.transaction import LARGE_BYTES, Transaction

Awaited = Literal["reset", "mail", "rcpt", "data", "body", "bdat", "dot"]
"""What a reply answers; "body" and "bdat" stand for the final dot and for BDAT with the body."""


class Pipeline:
    """Each method returns the bytes to send, and notes what will be answered."""

    __slots__ = ("_lmtp", "awaited", "bdat", "one_by_one", "stale")

    def __init__(self, offered: Capabilities, lmtp: bool) -> None:
        self._lmtp = lmtp
        self.awaited: deque[tuple[Awaited, Transaction]] = deque()
        self.one_by_one = not offered.pipelining
        """Nothing may be said before the last answer is there."""
        self.bdat = offered.chunking and offered.pipelining and not lmtp
        """Where there is no PIPELINING it would save nothing; with LMTP it is hardly tried."""
        self.stale = False
        """The server may hold a MAIL that came to nothing."""

    @property
    def large(self) -> bool:
        """What is being said is one large body, and nothing else."""
        if not self.awaited:
            return False
        awaited, transaction = self.awaited[0]
        return awaited == "body" and len(transaction.body) > LARGE_BYTES

    def say(self, awaited: Awaited, transaction: Transaction, command: bytes) -> bytes:
        self.awaited.append((awaited, transaction))
        return command

    def begin(self, transaction: Transaction, now: float) -> bytes:
        """All that can be said at once; a stale MAIL is cleared away first."""
        transaction.mail_at = now
        said = b""
        if self.stale:
            self.stale = False
            said = self.say("reset", transaction, commands.RSET)
        if self.one_by_one:
            return said or self.say("mail", transaction, transaction.mail)
        rcpt: tuple[Awaited, Transaction] = ("rcpt", transaction)
        self.awaited += (("mail", transaction), *[rcpt] * len(transaction.rcpts))
        said += transaction.mail + b"".join(transaction.rcpts)
        if not transaction.by_bdat:
            return said + self.say("data", transaction, commands.DATA)
        transaction.said_whole = True
        return said + self.say("bdat", transaction, transaction.body)

    def body(self, transaction: Transaction) -> bytes:
        """What follows on a 354."""
        transaction.said_whole = True
        answers = transaction.accepted if self._lmtp else 1
        for _ in range(answers):
            self.awaited.append(("body", transaction))
        return transaction.body

    def may_add(self, transaction: Transaction) -> bool:
        """Whether the next message's commands may travel behind this one's body."""
        return not self.one_by_one and len(transaction.body) <= LARGE_BYTES
