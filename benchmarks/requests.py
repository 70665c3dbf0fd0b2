"""Requests to a bucket: each is on the bill, and a round trip.

Counted over a real S3 server. Over SQLite, where a write costs no money, `send` also keeps a
journal, and so makes several times as many.
"""

import time
from collections.abc import Callable

from benchmarks import content, interface
from benchmarks.batch import sent
from benchmarks.bucket import bucket
from benchmarks.row import LIMIT, Announce, Row, Target, Unmeasured, interleave, notes
from benchmarks.serve import Serve
from benchmarks.sink import Sink

RECIPIENTS = 10_000
PER_DELIVERY = 0.05
FOR_ONE = 12.0
PATIENCE_S = 30


def rows(announce: Announce) -> list[Row]:
    sides: dict[str, Callable[[int], float]] = {
        "10,000 Recipients": lambda n: _many(),
        "one message": lambda n: _single(),
    }
    samples = interleave(sides, announce)
    many, one = samples.values()
    return [
        Row(
            name="requests to a bucket per Delivery, 10,000 Recipients",
            figure=many.median(float),
            unit="requests",
            peer=LIMIT,
            peer_figure=PER_DELIVERY,
            target=Target("≤", 1),
            note=notes(many),
        ),
        Row(
            name="requests to a bucket for a single message",
            figure=one.median(float),
            unit="requests",
            peer=LIMIT,
            peer_figure=FOR_ONE,
            target=Target("≤", 1),
            note=notes(one),
        ),
    ]


def _many() -> float:
    """Requests per Delivery for one Batch."""
    with bucket() as url, Sink() as sink:
        run = sent(sink, RECIPIENTS, **interface.other_store(url))
    return run.requests_per_delivery


def _single() -> float:
    """Requests for one message through a `serve` that has sent one before, and does not sweep.

    The first one also reads the API key, the Domain and its DKIM keys, which are then remembered.
    """
    with bucket() as url, Sink() as sink, Serve(sink.port, **_quiet(url)) as serve:
        first, second = content.recipients(2)
        _send(serve, first)
        before = serve.requests()
        _send(serve, second)
        after = serve.requests()
    if before is None or after is None:
        raise Unmeasured("serve does not tell its requests")
    return float(after - before)


def _quiet(store_url: str) -> dict[str, str]:
    return interface.other_store(store_url) | interface.NO_SWEEP


def _send(serve: Serve, recipient: dict[str, object]) -> None:
    """Submit, and return when no work is open."""
    serve.client.submit(interface.batch_body([recipient]))
    deadline = time.monotonic() + PATIENCE_S
    while not interface.is_idle(serve.port):
        if time.monotonic() > deadline:
            raise Unmeasured("a single message was not done in time")
        time.sleep(0.05)
