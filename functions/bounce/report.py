"""What a mail that came back says: the result of reading it."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What sort of mail it is."""

    BOUNCE = "bounce"
    """It could not be delivered to at least one address, and nobody will try any more."""
    DELAY = "delay"
    """Somebody is still trying."""
    COMPLAINT = "complaint"
    """A reader said that it is spam, fraud, or unwanted (RFC 5965)."""
    NOTICE = "notice"
    """A report that changes nothing: delivered, relayed, expanded, displayed, not spam."""
    AUTO_REPLY = "auto_reply"
    """A vacation notice or another answer of a machine for a person (RFC 3834)."""
    UNKNOWN = "unknown"
    """No report that we understand: a person has to look."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What a report says about one address."""

    address: str
    """RFC 3464 §2.3.2: where the last server tried to deliver it to."""
    action: str = "failed"
    """RFC 3464 §2.3.3: `failed`, `delayed`, `delivered`, `relayed` or `expanded`."""
    original: str = ""
    """RFC 3464 §2.3.1: the address that we had given, if it is said."""
    code: int | None = None
    enhanced: str = ""
    """RFC 3463. Of what failed and does not say why, "5.0.0"."""
    text: str = ""
    host: str = ""
    """Who said no: the remote server, or else the reporting one."""


@dataclass(frozen=True, slots=True)
class Report:
    """One mail that came back."""

    kind: Kind
    recipients: tuple[Reported, ...] = ()
    feedback_type: str = ""
    return_paths: tuple[str, ...] = ()
    """Addresses in the form of our return paths, in the report or in the original that came with
    it. Whether we wrote them is for the MAC to say."""
