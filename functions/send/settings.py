"""What the stage is told once, and every Bag looks up."""

from dataclasses import dataclass, field

from functions.send.journal import JournalTurns
from functions.send.retry import RetryPolicy
from functions.send.tally import SendCounts
from shared.notifying import Announcer
from shared.room import Room


@dataclass(frozen=True, slots=True)
class SendSettings:
    """Section `send` of the configuration, as far as a Bag is concerned."""

    owner: str
    """Who we are, for the lease: unique to this process."""
    hostname: str = "localhost"
    """Who reports to those who sent by SMTP."""
    lease_s: float = 60.0
    flush_outcomes: int = 200
    flush_interval_s: float = 1.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    journal: JournalTurns | None = None
    """Where a write costs nothing: Outcomes are durable within milliseconds."""
    room: Room | None = None
    """For Bags that are open."""
    stored_room: Room | None = None
    """For Bags that wait to be opened, as they are stored."""
    counts: SendCounts = field(default_factory=SendCounts)
    announcer: Announcer | None = None
    """Writes down what Webhooks have to hear."""
