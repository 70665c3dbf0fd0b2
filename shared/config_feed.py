"""The options of the sources: what tells stages of new work where no webhook reaches."""

from typing import Annotated

from shared.config_kinds import Duration, Kind, ListOf, Text, Whole, YesNo
from shared.config_section import LISTEN_ADDRESS, Section

QUEUE_URL = Text(
    "queue URL", r"https?://[^\s,/]+/[^\s,]+", "https://sqs.eu-west-1.amazonaws.com/123456789012/q"
)
ENDPOINT = Text("endpoint", r"(https?://[^\s,]+)?", "http://127.0.0.1:4566")
CONSUMER = Text(
    "NATS consumer",
    r"(nats|tls)://[^\s,/]+/[A-Za-z0-9_-]{1,255}/[A-Za-z0-9_-]{1,255}",
    "nats://127.0.0.1:4222/STREAM/CONSUMER",
    secret=True,
)


class DurationOrOff(Kind, frozen=True):
    """A length of time in seconds; 0 is never."""

    def parse(self, text: str) -> float:
        return 0.0 if text in ("0", "off") else Duration().parse(text)

    def show(self, value: float) -> str:
        return Duration().show(value) if value else "0"

    @property
    def word(self) -> str:
        return "duration, or 0"


class Feed(Section, frozen=True):
    """What tells stages of new work where no webhook reaches; in `serve` and `pod`, or alone as
    `ekiden sources`."""

    sqs: Annotated[
        tuple[str, ...], ListOf(QUEUE_URL), "SQS queues that get the bucket's notifications."
    ] = ()
    sqs_endpoint: Annotated[
        str, ENDPOINT, "Where SQS answers; empty: AWS, in the region that the queue's URL names."
    ] = ""
    minio: Annotated[
        bool, YesNo(), "Listen to the bucket of `store.url`, as only MinIO and its kin offer it."
    ] = False
    nats: Annotated[
        tuple[str, ...],
        ListOf(CONSUMER),
        "NATS JetStream: server, stream, durable pull consumer. The stream has to be there; the "
        "consumer is made.",
    ] = ()
    listing: Annotated[
        float, DurationOrOff(), "How often the work prefixes are listed; 0 is never."
    ] = 0.0
    host: Annotated[str, LISTEN_ADDRESS, "The address that the receiver listens on."] = "127.0.0.1"
    port: Annotated[
        int, Whole(0, 65535), "The port that takes one webhook for all stages; 0 is none."
    ] = 0
    max_in_flight: Annotated[
        int, Whole(1, 10_000), "Messages that each source has under way; no more are fetched."
    ] = 64
