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
SETTLE_S = 1.5
"""Long enough for the last Outcome to be stored, too short for the sweep to come again."""


def rows(announce: Announce) -> list[Row]:
    sides: dict[str, Callable[[int], float]] = {
        "10,000 Recipients": lambda n: batch_run(RECIPIENTS, n).requests_per_delivery,
        "no message": lambda n: _requests(0),
        "one message": lambda n: _requests(1),
    }
    samples = interleave(sides, announce)
    many, none, one = samples.values()
    whole, idle = one.median(float), none.median(float)
    single = None if whole is None or idle is None else whole - idle
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
            figure=single,
            unit="requests",
            peer=LIMIT,
            peer_figure=FOR_ONE,
            target=Target("≤", 1),
            note=notes(none, one),
        ),
    ]


def _requests(messages: int) -> float:
    """Requests from start to end of a `serve` through which so many single messages pass.

    With none it is what starting, probing and sweeping cost; the difference is the message's own.
    """
    with Sink() as sink, Serve(sink.port) as serve:
        for recipient in content.recipients(messages):
            serve.client.submit(interface.batch_body([recipient]))
        sink.wait_for(messages, timeout_s=30)
        time.sleep(SETTLE_S)
        _, requests = serve.stop()
    if requests is None:
        raise Unmeasured("serve wrote no counts of its requests")
    return float(requests)
