"""What became known of a Delivery after it was transmitted: one line of an `events/` object. Pure.

An event never moves a Delivery by itself: a late bounce stands in the Outcomes too.
"""

from collections.abc import Iterable

import msgspec

BOUNCED = "bounced"
COMPLAINED = "complained"
OPENED = "opened"
CLICKED = "clicked"


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of `events/<domain>/<day>/<name>.jsonl`."""

    delivery: str
    recipient: str
    kind: str
    """`bounced`: a server that had taken it said no by a report. `complained`: somebody pressed
    "this is spam"; not necessarily the Recipient. `opened`, `clicked`: by somebody, or by a
    machine that looks into mail."""
    at: float
    """When we learned it, seconds since 1970."""
    bounce_class: str = msgspec.field(default="", name="class")
    hard: bool = False
    text: str = ""
    """What the report said."""
    feedback_type: str = ""
    """Of a complaint: RFC 5965 §7.3, such as "abuse"."""
    simulated: bool = False
    """The demo sender made it up."""


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Event)


def encode_lines(events: Iterable[Event]) -> bytes:
    """JSON Lines, as they stand in the bucket."""
    return _ENCODER.encode_lines(events)


def decode_lines(body: bytes) -> list[Event]:
    return _DECODER.decode_lines(body)
