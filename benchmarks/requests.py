"""Requests to the store: what a bucket would send a bill for, and a round trip each."""

import time
from collections.abc import Callable

from benchmarks import content, interface
from benchmarks.batch import batch_run
from benchmarks.row import LIMIT, Announce, Row, Target, Unmeasured, interleave, notes
from benchmarks.serve import Serve
from benchmarks.sink import Sink

RECIPIENTS = 10_000
PER_DELIVERY = 0.05
FOR_ONE = 12.0
PATIENCE_S = 30


def rows(announce: Announce) -> list[Row]:
    sides: dict[str, Callable[[int], float]] = {
        "10,000 Recipients": lambda n: batch_run(RECIPIENTS, n).requests_per_delivery,
        "one message": lambda n: _single(),
    }
    samples = interleave(sides, announce)
    many, one = samples.values()
    return [
        Row(
            name="requests to the store per Delivery, 10,000 Recipients",
            figure=many.median(float),
            unit="requests",
            peer=LIMIT,
            peer_figure=PER_DELIVERY,
            target=Target("≤", 1),
            note=notes(many),
        ),
        Row(
            name="requests to the store for a single message",
            figure=one.median(float),
            unit="requests",
            peer=LIMIT,
            peer_figure=FOR_ONE,
            target=Target("≤", 1),
            note=notes(one),
        ),
    ]


def _single() -> float:
    """Requests for one message through a `serve` that has sent one before, and does not sweep.

    The first one also reads the API key, the Domain and its DKIM keys, which are then remembered.
    """
    with Sink() as sink, Serve(sink.port, EKIDEN_SWEEP_INTERVAL="1h") as serve:
        first, second = content.recipients(2)
        _send(serve, first)
        before = serve.requests()
        _send(serve, second)
        after = serve.requests()
    if before is None or after is None:
        raise Unmeasured("serve does not tell its requests")
    return float(after - before)


def _send(serve: Serve, recipient: dict[str, object]) -> None:
    """Submit, and return when no work is open."""
    serve.client.submit(interface.batch_body([recipient]))
    deadline = time.monotonic() + PATIENCE_S
    while not interface.is_idle(serve.port):
        if time.monotonic() > deadline:
            raise Unmeasured("a single message was not done in time")
        time.sleep(0.05)
