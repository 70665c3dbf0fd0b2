"""One Batch through a fresh `ekiden serve`, from POST to its last Outcome."""

import time
from dataclasses import dataclass
from functools import cache

from benchmarks import content, interface
from benchmarks.process_memory import Memory
from benchmarks.row import Unmeasured
from benchmarks.serve import Serve
from benchmarks.sink import Sink

SLOWEST_RATE = 500
"""Deliveries per second. What is slower than this would not end in a reasonable time."""
START_UP_S = 30
LAST_OUTCOMES_S = 60
"""How long after the last message Outcomes may still be missing."""


@dataclass(frozen=True, slots=True)
class BatchRun:
    """What one Batch took."""

    recipients: int
    duration_s: float
    peak: Memory | None
    requests: int | None
    """To the store."""

    @property
    def rate(self) -> float:
        """Deliveries per second."""
        return self.recipients / self.duration_s

    @property
    def requests_per_delivery(self) -> float:
        """Raises `Unmeasured`."""
        if self.requests is None:
            raise Unmeasured("serve wrote no counts of its requests")
        return self.requests / self.recipients

    @property
    def ms_per_delivery(self) -> float:
        return self.duration_s * 1000 / self.recipients


@cache
def batch_run(recipients: int, n: int) -> BatchRun:
    """The `n`-th run of this size. Several rows look at the same runs: each is made once."""
    with Sink() as sink:
        return sent(sink, recipients)


def sent(sink: Sink, recipients: int, **settings: str) -> BatchRun:
    """One run, with settings that differ."""
    body = interface.batch_body(content.recipients(recipients))
    with Serve(sink.port, **settings) as serve:
        duration_s = _send(serve, sink, body, recipients)
        peak, requests = serve.stop()
    return BatchRun(recipients, duration_s, peak, requests)


def _send(serve: Serve, sink: Sink, body: bytes, recipients: int) -> float:
    """Seconds from POST to the answer that says that every Delivery has its final Outcome.

    It is asked for when the sink has seen all messages: asking earlier would slow down what is
    measured.
    """
    start = time.monotonic()
    batch = serve.client.submit(body)
    sink.wait_for(recipients, START_UP_S + recipients / SLOWEST_RATE)
    outcomes = serve.client.wait_until_done(batch, LAST_OUTCOMES_S)
    duration_s = time.monotonic() - start
    if outcomes != {"delivered": recipients}:
        raise Unmeasured(f"not all were delivered: {outcomes}")
    return duration_s
