"""How a session ends, and what that says about a message under way. No I/O."""

from dataclasses import dataclass

from functions.send.smtp.reply import Reply
from functions.send.smtp.transaction import Transaction
from functions.send.smtp.verdict import Peer, Stage, Verdict, refused, unanswered, unexpected


@dataclass(frozen=True, slots=True)
class Ending:
    """The connection is lost, or the server said something after which nothing more can be said.

    `unsent`: part of what we had to say is still here, so the server cannot have the message.
    `by_us`: it is no fault of the server's, and no message may suffer for it.
    """

    why: str
    refusal: Reply | None = None
    """A 4xx or 5xx, which is the answer to what the server was asked last."""
    unsent: bool = False
    by_us: bool = False

    @classmethod
    def of(cls, reply: Reply, unsent: bool = False, nonsense: bool = False) -> "Ending":
        """By a 421, or a reply that leaves nothing to say. `nonsense`: whatever its code, it is
        no answer to anything about a message."""
        if reply.code >= 400 and not nonsense:
            return cls(reply.text, reply, unsent)
        return cls(unexpected(reply), unsent=unsent)

    def ambiguous(self, transaction: Transaction) -> bool:
        """RFC 5321 §4.5.3.2.6: everything was said, and there is no telling what came of it."""
        return self.refusal is None and transaction.said_whole and not self.unsent

    def verdict(self, peer: Peer, stage: Stage, transaction: Transaction, now: float) -> Verdict:
        transmit_s = now - transaction.mail_at
        if self.refusal is not None:
            return refused(peer, stage, self.refusal, transmit_s)
        if transaction.said_whole:
            stage = "body"
        return unanswered(peer, stage, self.why, self.ambiguous(transaction), transmit_s)
