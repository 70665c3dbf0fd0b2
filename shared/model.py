"""What the objects in the bucket contain, and what an app sends to `submit`.

Requests forbid unknown fields: a misspelled option must not be ignored silently. Stored objects
allow them, so that an older function can read what a newer one wrote.
"""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from shared.tracking import Tracking, TrackingWish

# ---- what an app sends -------------------------------------------------------------------------


class Sender(Struct, forbid_unknown_fields=True, frozen=True):
    """Who the mail is from. The address belongs to the Domain that sends."""

    email: str
    alias: str = ""
    """The display name."""


class Attachment(Struct, forbid_unknown_fields=True, frozen=True):
    """A file that goes with every Delivery of the Batch."""

    filename: Annotated[str, Meta(min_length=1, max_length=255)]
    content: str
    """Base 64 (RFC 4648 §4)."""
    content_type: str = "application/octet-stream"
    content_id: str = ""
    """Makes it an inline image: the HTML shows it with `cid:<content_id>` (RFC 2392)."""


class ShownHeaders(Struct, forbid_unknown_fields=True, frozen=True):
    """What is shown instead of the envelope recipient, which stays."""

    to: list[str] = []
    cc: list[str] = []
    reply_to: list[str] = []


class OneClickUnsubscribe(Struct, forbid_unknown_fields=True, frozen=True):
    """RFC 8058. Placeholders `{{ field }}` are percent-encoded into the URL."""

    url_template: str = ""
    """Empty: Ekiden's own page, which suppresses the address. Templates have it as
    `{{ unsubscribe_url }}`."""


class Recipient(Struct, forbid_unknown_fields=True, frozen=True):
    """One row of a Batch."""

    email: str
    fields: dict[str, Any] = {}
    tracking: TrackingWish | None = None
    """Less than the Batch's; `tracking_above_ceiling` rejects this Recipient alone."""


class BatchRequest(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`POST /v1/batches`: one content, N Recipients."""

    sender: Sender
    recipients: list[Recipient]
    subject: str = ""
    html: str = ""
    text: str = ""
    template_id: str = ""
    """A stored Template of the Domain, instead of `subject`, `html` and `text`."""
    global_fields: dict[str, Any] = {}
    attachments: list[Attachment] = []
    headers: ShownHeaders = ShownHeaders()
    scheduled_time: str = ""
    """RFC 3339 with an offset; empty: at once."""
    one_click_unsubscribe: OneClickUnsubscribe | None = None
    tags: list[str] = []
    metadata: dict[str, str] = {}
    pool: str = ""
    """Which of the Domain's pools of sending addresses; empty: its first."""
    tracking: TrackingWish | None = None
    """How closely opens and clicks may be watched; at most the Domain's ceiling, which counts
    where nothing is said."""


class MessageRequest(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`POST /v1/messages`: a ready-made RFC 5322 message and its envelope recipients."""

    recipients: list[str]
    message: str = ""
    """The message as text, lines ended by CRLF; it is sent as UTF-8."""
    message_base64: str = ""
    """The same as base 64, for a message that is no UTF-8."""
    scheduled_time: str = ""
    tags: list[str] = []
    metadata: dict[str, str] = {}
    pool: str = ""


class Rejection(Struct, frozen=True):
    """A Recipient that was not accepted, and why: a stable word (docs/reference.md)."""

    email: str
    reason: str


class Accepted(Struct, frozen=True, kw_only=True):
    """The answer to a submit."""

    batch: str
    accepted: int
    rejected: int
    rejected_recipients: list[Rejection] = []
    message_id: str = ""
    """The Message-ID, when the Batch has one Recipient."""


# ---- what the bucket keeps ---------------------------------------------------------------------


class Content(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`batches/<batch>/content.json`: what the Batch says. Written once, never changed."""

    batch: str
    domain: str
    accepted_at: float
    """Seconds since 1970; also the Date and the DKIM time stamp of every Delivery."""
    due_at: float
    """When it may be sent: the scheduled time, or `accepted_at`."""
    digest: str
    """SHA-256 over everything that was submitted: tells a repeat from another submit."""
    accepted: int
    rejected: list[Rejection] = []
    sender: Sender
    subject: str = ""
    html: str = ""
    text: str = ""
    message: str = ""
    """A ready-made message, one character per byte; then there is no subject, html, text."""
    global_fields: dict[str, Any] = {}
    attachments: list[Attachment] = []
    headers: ShownHeaders = ShownHeaders()
    unsubscribe_url: str = ""
    tags: list[str] = []
    metadata: dict[str, str] = {}
    pool: str = ""
    """Which sending addresses it leaves from; empty: those of the Domain."""
    reports_to: str = ""
    """The envelope sender of mail that came by SMTP: RFC 3464 reports go there. Empty: none."""
    null_return_path: bool = False
    """It is itself a report, so nothing may come back (RFC 5321 §4.5.5)."""
    tracking: Tracking | None = None
    """What may be watched, frozen when the Batch was accepted. None: nothing."""
    hosted_unsubscribe: bool = False
    """`unsubscribe_url` is empty, and Ekiden's own page is used."""
    tracking_url: str = ""
    """Where `track` answers, without a slash at its end; empty if nothing leads there."""
    bag_size: int = 0
    """How many Recipients a Bag holds; set by `validate`: readers then know how many Bags."""


class Submitted(Struct, frozen=True, kw_only=True):
    """`submitted/<batch>.json`: an accepted Batch, whole.

    The Recipients stay encoded: a Batch of 100,000 is taken apart one Bag at a time.
    """

    content: Content
    recipients: list[Raw]


class Row(Struct, frozen=True, omit_defaults=True):
    """One Recipient in a Bag. Its place `n` never changes, whatever becomes of its neighbours."""

    n: int
    email: str
    fields: dict[str, Any] = {}
    rejected: str = ""
    """Why it will not be sent. `send` records it: Outcomes have one writer."""
    tracking: Tracking | None = None
    """What may be watched, if that is less than of the Batch."""


class Bag(Struct, frozen=True, kw_only=True):
    """`validated/<batch>/<bag>.json`: up to `bag_size` Recipients of neighbouring domains."""

    batch: str
    bag: int
    domain: str
    rows: list[Row]


class BagHeader(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The first line of a `dispatched/` object."""

    batch: str
    bag: int
    attempt: int
    domain: str
    due_at: float
    """The retry window begins here."""
    at: float = 0.0
    """When this attempt was due; Envelopes that are not due by then are passed on."""
    pool: str = ""
    """Which sending addresses it leaves from; empty: the default ones."""
    reports_to: str = ""
    """Where an RFC 3464 report about a final failure goes. Empty: none is made."""
    shared: list[str] = []
    """Stretches that many Envelopes have in common (attachments), one character per byte."""


class Envelope(Struct, frozen=True, omit_defaults=True):
    """A further line of a `dispatched/` object: a Delivery, rendered and signed.

    `message` is a list of stretches: text (one character per byte), or the index of one of the
    Bag's `shared` stretches.
    """

    n: int
    recipient: str
    return_path: str = ""
    message: list[str | int] = []
    rejected: str = ""
    detail: str = ""
    """What exactly was wrong, when `rejected`."""
    answered: str = ""
    """The last reply in an earlier attempt; decides `bounced` or `failed` at the end."""
    tries: int = 0
    """How many attempts were made before; those that held it back do not count."""
    not_before: float = 0.0
    """When it may be tried again, seconds since 1970."""
    delay_reported: bool = False
    """Who sent it by SMTP was told that it is late."""


def message_bytes(envelope: Envelope, shared: list[str]) -> bytes:
    """The message as it goes over the wire, before dot-stuffing."""
    return "".join(
        piece if isinstance(piece, str) else shared[piece] for piece in envelope.message
    ).encode("latin-1")


encode = msgspec.json.Encoder().encode
_AT_ONCE = 1000


def encode_submitted(submitted: Submitted) -> Iterator[bytes]:
    """The JSON of a `submitted/` object in pieces: a Batch of 100,000 is never held twice."""
    yield b'{"content":' + encode(submitted.content) + b',"recipients":['
    for start in range(0, len(submitted.recipients), _AT_ONCE):
        rows = b",".join(submitted.recipients[start : start + _AT_ONCE])
        yield b"," + rows if start else rows
    yield b"]}"
