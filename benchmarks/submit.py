"""Single submits: how many per second end to end against Postfix, and how fast each is answered."""

import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from benchmarks import clients, content
from benchmarks.clients import Load, Report
from benchmarks.postfix import Postfix
from benchmarks.row import LIMIT, Announce, Row, Sample, Target, Unmeasured, interleave, notes
from benchmarks.serve import Serve
from benchmarks.sink import Sink

SUBMITS = 2_000
CLIENTS = 20
CALLS_PER_S = 50
CALLS = 500
LIMITS_MS = {50: 10.0, 99: 50.0}
"""By percentile."""
TIMEOUT_S = 60
SETTLE_S = 1.0
"""What one side still writes after its last message must not slow down the other."""


def rows(announce: Announce) -> list[Row]:
    return [_end_to_end(announce), *_answers(announce)]


def _end_to_end(announce: Announce) -> Row:
    with ExitStack() as stack:
        sink = stack.enter_context(Sink())
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ekiden-mail-")))
        mail = content.write_mail(directory / "mail.eml")
        serve = cache(lambda: stack.enter_context(Serve(sink.port)))
        postfix = cache(lambda: stack.enter_context(Postfix(sink)))
        sides: dict[str, Callable[[int], float]] = {
            "ekiden": lambda n: _settled(lambda: _submits(serve(), sink)),
            "postfix": lambda n: _settled(lambda: postfix().singles(mail, SUBMITS, CLIENTS)),
        }
        samples = interleave(sides, announce)
    ours, peer = samples["ekiden"], samples["postfix"]
    return Row(
        name="2,000 single-Recipient submits by 20 clients, end to end",
        figure=ours.median(float),
        unit="/s",
        peer="Postfix fed by smtp-source -s 20",
        peer_figure=peer.median(float),
        target=Target("≥", 1),
        note=notes(ours, peer),
    )


def _settled(measure: Callable[[], float]) -> float:
    figure = measure()
    time.sleep(SETTLE_S)
    return figure


def _submits(serve: Serve, sink: Sink) -> float:
    """Messages per second from the first request to the last message at the sink."""
    before = sink.count
    report = _load(Load(serve.port, serve.key, SUBMITS, CLIENTS))
    end = sink.wait_for(before + SUBMITS, TIMEOUT_S)
    return SUBMITS / (end - report.start)


def _load(load: Load) -> Report:
    report = clients.run(load, TIMEOUT_S)
    if report.refused:
        raise Unmeasured(f"submit was refused: {report.refused}")
    return report


def _answers(announce: Announce) -> list[Row]:
    with ExitStack() as stack:
        sink = stack.enter_context(Sink())
        serve = cache(lambda: stack.enter_context(Serve(sink.port)))
        sides = {"50 calls/s": lambda n: _settled_report(serve())}
        sample = interleave(sides, announce)["50 calls/s"]
    return [_answer(sample, percent, limit_ms) for percent, limit_ms in LIMITS_MS.items()]


def _answer(sample: Sample[Report], percent: int, limit_ms: float) -> Row:
    return Row(
        name=f"submit's answer at 50 calls/s, p{percent}",
        figure=sample.median(lambda report: _percentile(report.latencies_ms, percent)),
        unit="ms",
        peer=LIMIT,
        peer_figure=limit_ms,
        target=Target("≤", 1),
        note=notes(sample),
    )


def _settled_report(serve: Serve) -> Report:
    report = _load(Load(serve.port, serve.key, CALLS, CLIENTS, CALLS_PER_S))
    time.sleep(SETTLE_S)
    return report


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
