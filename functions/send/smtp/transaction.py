"""One message in one mail transaction: what to say, and what its recipients were told. No I/O."""

from collections.abc import Sequence
from typing import cast

from functions.send.smtp import commands
from functions.send.smtp.capabilities import Capabilities
from functions.send.smtp.commands import Unsendable
from functions.send.smtp.outgoing import Outgoing
from functions.send.smtp.verdict import Peer, Verdict, refused_here

LARGE_BYTES = 64 * 1024
"""A body beyond this takes several writes: it goes by DATA when the recipients are known, and no
next message is pipelined behind it, which would wait for long; and how much of the body has left
would be hard to tell."""


class Transaction:
    """A recipient goes by its place in `outgoing.recipients`. Those that cannot be asked for, by
    the rules of `commands`, have their verdict from the beginning."""

    __slots__ = (
        "_accepted",
        "_answered",
        "_asked",
        "_verdicts",
        "body",
        "by_bdat",
        "mail",
        "mail_at",
        "outgoing",
        "rcpts",
        "said_whole",
        "settled",
    )

    def __init__(
        self, outgoing: Outgoing, peer: Peer, offered: Capabilities, chunking: bool
    ) -> None:
        self.outgoing = outgoing
        recipients = outgoing.recipients
        self._verdicts: list[Verdict | None] = [None] * len(recipients)
        self._asked: list[int] = []
        self._answered = 0  # how many of `_asked`
        self._accepted: list[int] = []  # 250 at RCPT, and no verdict
        self.rcpts: list[bytes] = []
        """One for each recipient that is asked for."""
        self.mail = self.body = b""
        self.mail_at = 0.0
        self.said_whole = False
        """Body and all: a second attempt may double it."""
        self.settled = False
        """Reported or given back."""
        message = outgoing.message
        self.by_bdat = chunking and len(message) <= LARGE_BYTES
        self._prepare_rcpts(recipients, peer, offered)
        try:
            self._prepare_message(message, offered)
        except Unsendable as no:
            self.rcpts = []
            self.fill(refused_here(peer, "mail", no.code, no.enhanced, no.text))

    def _prepare_rcpts(self, recipients: Sequence[str], peer: Peer, offered: Capabilities) -> None:
        dsn = offered.dsn and self.outgoing.return_path != ""
        for place, recipient in enumerate(recipients):
            try:
                self.rcpts.append(commands.rcpt(recipient, offered, dsn=dsn))
                self._asked.append(place)
            except Unsendable as no:
                self._verdicts[place] = refused_here(peer, "rcpt", no.code, no.enhanced, no.text)

    def _prepare_message(self, message: bytes, offered: Capabilities) -> None:
        outgoing = self.outgoing
        self.mail = commands.mail(
            outgoing.return_path,
            message,
            offered,
            utf8=not b"".join(self.rcpts).isascii(),
            envelope_id=outgoing.envelope_id,
        )
        self.body = commands.chunk(message) if self.by_bdat else commands.body(message)

    def restart_by_data(self) -> None:
        """Ask again for those that were accepted, and then send the body another way."""
        self.by_bdat = self.said_whole = False
        message = self.body.partition(b"\r\n")[2]
        self.body = commands.body(message)
        kept = set(self._accepted)
        self.rcpts = [
            rcpt for rcpt, place in zip(self.rcpts, self._asked, strict=True) if place in kept
        ]
        self._asked, self._accepted, self._answered = self._accepted, [], 0

    # What the answers to RCPT were.

    @property
    def all_answered(self) -> bool:
        return self._answered == len(self._asked)

    @property
    def next_rcpt(self) -> bytes:
        return self.rcpts[self._answered]

    @property
    def accepted(self) -> int:
        """How many recipients the body is for."""
        return len(self._accepted)

    def accept(self) -> None:
        self._accepted.append(self._asked[self._answered])
        self._answered += 1

    def refuse(self, verdict: Verdict) -> None:
        self._verdicts[self._asked[self._answered]] = verdict
        self._answered += 1

    # Verdicts.

    @property
    def told(self) -> bool:
        """The server said something final about a recipient."""
        return any(verdict is not None and not verdict.ours for verdict in self._verdicts)

    def fill(self, verdict: Verdict) -> None:
        """Of everybody who has none yet."""
        self._accepted.clear()
        for place, told in enumerate(self._verdicts):
            if told is None:
                self._verdicts[place] = verdict

    def tell_next(self, verdict: Verdict) -> None:
        """Of the first accepted recipient (RFC 2033 §4.2)."""
        self._verdicts[self._accepted.pop(0)] = verdict

    @property
    def verdicts(self) -> list[Verdict]:
        """Only when everybody has one."""
        return cast(list[Verdict], self._verdicts)
