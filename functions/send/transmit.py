"""What `send` asks of whoever transmits: Envelopes in, and for each a word about what became of it.

`outbound.py` is the real one, `demo/` makes up what servers would say.
"""

from typing import Protocol

from functions.send.smtp.verdict import Verdict
from shared.model import BagHeader, Envelope


class Ledger(Protocol):
    """Takes down what becomes of the Envelopes of one Bag: each once."""

    def report(self, envelope: Envelope, verdict: Verdict, queued_s: float = 0.0) -> None:
        """A server answered, or did not. `queued_s`: how long the Envelope had waited before."""

    def refuse(self, envelope: Envelope, reason: str, text: str) -> None:
        """It will not be transmitted, by our own decision; `reason` is a stable word."""

    def hold(self, envelope: Envelope, delay_s: float, why: str) -> None:
        """It cannot go just now. It was not tried, and may come again in `delay_s`."""

    def may_go_on(self) -> bool:
        """Whether more may be transmitted for this Bag, now or in a moment."""

    def is_behind(self) -> bool:
        """Whether the next mail has to wait until what was transmitted is recorded."""


class Transmitter(Protocol):
    """Transmits the Envelopes of many Bags at the same time."""

    @property
    def stopping(self) -> bool:
        """It takes up nothing more."""

    async def transmit(self, header: BagHeader, envelopes: list[Envelope], ledger: Ledger) -> None:
        """Return when every Envelope is in the ledger, or when it may not go on."""

    async def refresh(self) -> None:
        """Look what operators have decided since. To be called every few seconds."""

    def stop(self) -> None:
        """Take up nothing more; what is in flight goes on."""

    async def close(self) -> None:
        """End the idle connections politely."""
