"""Every option of Ekiden: its name, default, kind and meaning. One class is one section.

In code a duration is a float in seconds and a size an int in bytes; `Duration()` and `Size()`
beside the field say which. To add an option, add a field: the loader, `ekiden config` and the
table in docs/configuration.md read them from here.
"""

from typing import Annotated

import msgspec

from shared.config_admin import Admin, Audit
from shared.config_events import Events
from shared.config_feed import Feed
from shared.config_kinds import (
    DAY,
    HOUR,
    MIB,
    SECOND,
    Duration,
    ListOf,
    OneOf,
    Size,
    Text,
    Whole,
    YesNo,
)
from shared.config_listeners import Inbound, Listen, Submission
from shared.config_section import LISTEN_ADDRESS, Section
from shared.config_send import Send
from shared.config_stats import Stats
from shared.config_track import Track
from shared.config_webhooks import Webhooks

STAGE_URL = Text(
    "stage=URL",
    r"(submit|validate|dispatch|notify|send|bounce)=https?://[^\s,]+",
    "send=http://send/",
)
STORE_URL = Text("store URL", r"[a-z][a-z0-9+]*:\S*", "sqlite:///ekiden.db", secret=True)
PUBLIC_URL = Text("public URL", r"(https?://[^\s?#]*[^\s?#/])?", "https://mail.example.com")


class Store(Section, frozen=True):
    """Where all objects are kept."""

    url: Annotated[str, STORE_URL, "The store: one SQLite file, or a bucket."] = (
        "sqlite:///ekiden.db"
    )


class Http(Section, frozen=True):
    """The HTTP server of `ekiden serve`."""

    host: Annotated[str, LISTEN_ADDRESS, "The address that it listens on."] = "127.0.0.1"
    port: Annotated[int, Whole(0, 65535), "Its port; 0 takes a free one."] = 8080
    max_body: Annotated[int, Size(), "The largest request body that is read."] = 32 * MIB


class Metrics(Section, frozen=True):
    """The side port: `/metrics`, `/queue`, `/healthz`, `/readyz`, for operators only."""

    host: Annotated[str, LISTEN_ADDRESS, "The address that it listens on."] = "127.0.0.1"
    port: Annotated[int, Whole(0, 65535), "Its port; 0 is none. `ekiden pod` takes 9090."] = 0


class Submit(Section, frozen=True):
    """What a Batch may hold."""

    max_recipients: Annotated[int, Whole(1, 10_000_000), "Recipients in one Batch."] = 100_000
    max_message: Annotated[
        int, Size(), "One rendered message, attachments included; a larger content is refused."
    ] = 10 * MIB
    max_attachments: Annotated[int, Whole(0, 1000), "Attachments of one Batch."] = 50
    max_schedule_ahead: Annotated[
        float, Duration(), "How far in the future a `scheduled_time` may be."
    ] = 90 * DAY
    idempotency_ttl: Annotated[
        float, Duration(), "How long an `Idempotency-Key` is remembered."
    ] = 24 * HOUR
    max_fields: Annotated[int, Whole(0, 10_000), "Fields of one Recipient."] = 256
    public_url: Annotated[
        str,
        PUBLIC_URL,
        "How the API is reached from outside, without a slash at the end; the links in answers "
        "begin with it. Empty: links are paths.",
    ] = ""


class Validate(Section, frozen=True):
    """How Recipients are checked."""

    bag_size: Annotated[int, Whole(1, 5000), "Deliveries that travel as one object, at most."] = 500
    check_mx: Annotated[
        bool, YesNo(), "Ask DNS whether each Recipient's domain takes mail, and reject if not."
    ] = False


class Dispatch(Section, frozen=True):
    """How Envelopes are made."""

    workers: Annotated[
        int,
        Whole(0, 256),
        "Processes that render and sign under `ekiden serve`; 0 is one per core.",
    ] = 0
    template_max_steps: Annotated[
        int,
        Whole(1, 1_000_000_000),
        "Steps that rendering one text of a message may take: turns of loops, calls, filters.",
    ] = 100_000
    template_max_output: Annotated[
        int, Size(), "What rendering one text of a message may give; a character counts as a byte."
    ] = MIB


class Archive(Section, frozen=True):
    """What is kept of the input, so that `ekiden replay` can bring any moment back."""

    submitted: Annotated[
        bool, YesNo(), "Keep what apps submitted: small Batches in their content, others beside it."
    ] = True
    inbound: Annotated[bool, YesNo(), "Keep the mails that `bounce` has read."] = True


class Sweep(Section, frozen=True):
    """How due and forgotten work is found."""

    interval: Annotated[float, Duration(), "How often the prefixes are listed."] = 5 * SECOND
    forgotten_after: Annotated[
        float, Duration(), "Work older than this lost its event, and is woken."
    ] = 30 * SECOND
    targets: Annotated[
        tuple[str, ...],
        ListOf(STAGE_URL),
        "Where stages run that are not in this process: `send=http://send.example/`, with "
        "`events.token`. The sweep as a function wakes forgotten work there (a stage without one "
        "by a put of the same object, which makes the bucket tell of it again), sources all.",
    ] = ()
    max_redrives: Annotated[
        int,
        Whole(0, 1000),
        "Work that was tried more often goes to `failed/`. What waits in a crowd, or whose stage "
        "has no time, is not counted.",
    ] = 5


class Services(Section, frozen=True):
    """Which parts run under `ekiden serve`."""

    submit: Annotated[bool, YesNo(), "Accepts Batches, over HTTP and from `inbox/`."] = True
    validate: Annotated[bool, YesNo(), "Checks Recipients and packs Bags."] = True
    dispatch: Annotated[bool, YesNo(), "Renders and signs Envelopes."] = True
    send: Annotated[bool, YesNo(), "Speaks SMTP to other servers."] = True
    track: Annotated[bool, YesNo(), "Takes opens, clicks and unsubscribes."] = True
    admin: Annotated[bool, YesNo(), "The operator API and the dashboard."] = True
    notify: Annotated[bool, YesNo(), "Tells Webhooks what happened."] = True
    bounce: Annotated[bool, YesNo(), "Reads what comes back: bounces, complaints."] = True
    submission: Annotated[
        bool, YesNo(), "Takes mail from apps by SMTP; `ekiden pod` switches it on."
    ] = False
    inbound: Annotated[
        bool, YesNo(), "Takes bounces from other servers by SMTP; `ekiden pod` switches it on."
    ] = False
    sweep: Annotated[bool, YesNo(), "Wakes due and forgotten work."] = True


class Log(Section, frozen=True):
    """What is written to standard error."""

    level: Annotated[
        str, OneOf(("debug", "info", "warning", "error")), "The least that is written."
    ] = "info"
    format: Annotated[
        str, OneOf(("text", "json")), "Lines for people, or one JSON object a line."
    ] = "text"


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All options, checked."""

    store: Store = Store()
    http: Http = Http()
    metrics: Metrics = Metrics()
    submit: Submit = Submit()
    validate: Validate = Validate()
    dispatch: Dispatch = Dispatch()
    send: Send = Send()
    listen: Listen = Listen()
    submission: Submission = Submission()
    inbound: Inbound = Inbound()
    events: Events = Events()
    sources: Feed = Feed()
    archive: Archive = Archive()
    track: Track = Track()
    admin: Admin = Admin()
    audit: Audit = Audit()
    webhooks: Webhooks = Webhooks()
    stats: Stats = Stats()
    sweep: Sweep = Sweep()
    services: Services = Services()
    log: Log = Log()
    origins: dict[str, str] = {}
    """Who set an option: `file`, `environment` or `flag`. What is not in here has its default."""


SECTIONS: dict[str, type[Section]] = {
    field.name: field.type
    for field in msgspec.structs.fields(Config)
    if isinstance(field.default, Section)
}
