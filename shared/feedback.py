"""What became known of a Delivery after it was transmitted: one line of an `events/` object. Pure.

An event never moves a Delivery by itself: a late bounce stands in the Outcomes too.
"""

from collections.abc import Iterable

import msgspec

BOUNCED = "bounced"
COMPLAINED = "complained"
OPENED = "opened"
CLICKED = "clicked"
UNSUBSCRIBED = "unsubscribed"
KINDS = (BOUNCED, COMPLAINED, OPENED, CLICKED, UNSUBSCRIBED)

PERSON = ""
PROXY = "proxy"
BOT = "bot"
"""Who caused an open or a click: somebody, as far as can be seen; a mail provider that fetches
pictures for its users, whether they look or not; a program that looks into mail."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of `events/<domain>/<day>/<name>.jsonl`."""

    delivery: str
    """Empty where the tracking level does not allow it."""
    recipient: str
    """The address; `anonymous@track.<domain>` or `<pseudonym>@track.<domain>` where the tracking
    level does not allow it."""
    kind: str
    """`bounced`: a server that had taken it said no by a report. `complained`: somebody pressed
    "this is spam"; not necessarily the Recipient. `opened`, `clicked`: by somebody, or by a
    machine that looks into mail (`by`). `unsubscribed`: by the link or the header."""
    at: float
    """When we learned it, seconds since 1970."""
    bounce_class: str = msgspec.field(default="", name="class")
    hard: bool = False
    text: str = ""
    """What the report said."""
    feedback_type: str = ""
    """Of a complaint: RFC 5965 §7.3, such as "abuse"."""
    batch: str = ""
    """Of what was tracked."""
    url: str = ""
    """Where a click led."""
    by: str = PERSON
    ip: str = ""
    """Only at the level `full`, as the user agent."""
    user_agent: str = ""
    simulated: bool = False
    """The demo sender made it up."""


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Event)


def encode_lines(events: Iterable[Event]) -> bytes:
    """JSON Lines, as they stand in the bucket."""
    return _ENCODER.encode_lines(events)


def decode_lines(body: bytes) -> list[Event]:
    return _DECODER.decode_lines(body)
