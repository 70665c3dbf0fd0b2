"""What is handed to the SMTP client, and where it gets it from."""

from typing import Protocol

from functions.send.smtp.verdict import Verdict


class Outgoing(Protocol):
    """One message for one recipient, ready to transmit."""

    @property
    def return_path(self) -> str:
        """RFC 5321 reverse-path without brackets; "" for the null one of a bounce."""

    @property
    def recipient(self) -> str: ...

    @property
    def message(self) -> bytes:
        """RFC 5322, every line ended by CR LF; not dot-stuffed. Asked for once per attempt, just
        before it is due, so that a queue need not hold the bytes of all its messages."""


class Work(Protocol):
    """Messages for one connection. Every one taken is reported once or given back once."""

    def take(self) -> Outgoing | None:
        """The next message, or None: there is no more, or this connection has done enough."""

    def report(self, outgoing: Outgoing, verdict: Verdict) -> None:
        """Called as soon as the verdict is known; must not block."""

    def give_back(self, outgoing: Outgoing) -> None:
        """The connection ended before this message was up: another may take it at once."""
