"""What is handed to the SMTP client, and where it gets it from."""

from collections.abc import Sequence
from typing import Protocol

from functions.send.smtp.verdict import Verdict


class Outgoing(Protocol):
    """One message, ready to transmit to one recipient, or to several that get the same bytes."""

    @property
    def return_path(self) -> str:
        """RFC 5321 reverse-path without brackets; "" for the null one of a bounce."""

    @property
    def recipients(self) -> Sequence[str]:
        """At least one. All are asked for in one transaction (RFC 5321 §3.3)."""

    @property
    def message(self) -> bytes:
        """RFC 5322, every line ended by CR LF; not dot-stuffed. Asked for once per attempt, just
        before it is due, so that a queue need not hold the bytes of all its messages."""

    @property
    def envelope_id(self) -> str:
        """What a bounce of another server shall quote (RFC 3461 §4.4); "" for none."""


class Work(Protocol):
    """Messages for one connection. Every one taken is reported once or given back once."""

    def take(self) -> Outgoing | None:
        """The next message, or None: there is no more, or this connection has done enough."""

    def report(self, outgoing: Outgoing, verdicts: Sequence[Verdict]) -> None:
        """One verdict for each recipient, in their order, as soon as the last one is known; must
        not block."""

    def give_back(self, outgoing: Outgoing) -> None:
        """The connection ended before this message was up: another may take it at once."""
