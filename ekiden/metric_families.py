"""What a Station has counted, as families of metrics. Imported at the first scrape."""

from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from itertools import accumulate
from typing import Any, TypeAlias, get_args

from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)

from ekiden.station import Station
from functions.send.tally import REPLIES, SendCounts
from shared.counts import BOUNDS_S, StageCounts
from shared.outcome import State
from shared.traces import Result

FACES = ("http", "smtp", "inbox")
Samples: TypeAlias = Mapping[Any, float]
"""The values of the labels, a tuple of text → number."""


class _Families:
    """Makes families, with the words of the list of metrics."""

    def __init__(self, meanings: Mapping[str, str]) -> None:
        self._meanings = meanings

    def of(self, name: str, samples: Samples, *labels: str) -> Metric:
        """A counter if it is called so, else a gauge."""
        kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
        family = kind(name, self._meanings[name], labels=labels)
        for values, number in samples.items():
            family.add_metric(values, number)
        return family

    def seconds(self, name: str, stages: Mapping[str, StageCounts]) -> Metric:
        """A histogram of the runs of each stage."""
        family = HistogramMetricFamily(name, self._meanings[name], labels=("stage",))
        bounds = [*(f"{bound:g}" for bound in BOUNDS_S), "+Inf"]
        for stage, counts in stages.items():
            buckets = list(zip(bounds, map(float, accumulate(counts.within)), strict=True))
            family.add_metric((stage,), buckets, counts.total_s)
        return family


def families(station: Station, meanings: Mapping[str, str]) -> Iterator[Metric]:
    """All of the Station, but for the process that it runs in."""
    make = _Families(meanings)
    yield make.of("ekiden_build_info", {(_version(),): 1}, "version")
    yield from _work(make, station)
    yield from _mail(make, station)
    yield from _sweeps(make, station)
    yield make.of("ekiden_source_events_total", _of_sources(station), "source", "result")
    requests = {(operation,): number for operation, number in station.store.counts.items()}
    yield make.of("ekiden_store_requests_total", requests, "operation")
    yield from _queues(make, station)


def _work(make: _Families, station: Station) -> Iterator[Metric]:
    relay = station.relay
    yield make.of("ekiden_open_work", {(): relay.open_work})
    yield make.of("ekiden_oldest_work_seconds", {(): relay.oldest_s})
    stages = relay.counts
    # What has not happened is 0, not absent: else its first time would be no increase.
    runs = {
        (stage, result): counts.results[result]
        for stage, counts in stages.items()
        for result in get_args(Result)
    }
    yield make.of("ekiden_work_total", runs, "stage", "result")
    yield make.seconds("ekiden_work_seconds", stages)
    errors = {
        (stage, cause): number
        for stage, counts in stages.items()
        for cause, number in ({"StoreUnavailable": 0} | counts.errors).items()
    }
    yield make.of("ekiden_work_errors_total", errors, "stage", "cause")


def _mail(make: _Families, station: Station) -> Iterator[Metric]:
    submitted = station.submitted
    batches = {(face,): submitted.batches[face] for face in FACES}
    recipients = {(face,): submitted.recipients[face] for face in FACES}
    yield make.of("ekiden_submitted_batches_total", batches, "face")
    yield make.of("ekiden_submitted_recipients_total", recipients, "face")
    sent = station.relay.counts.get("send")
    if not isinstance(sent, SendCounts):
        sent = SendCounts()
    outcomes = {(str(state),): sent.outcomes[state] for state in State if state != State.QUEUED}
    yield make.of("ekiden_outcomes_total", outcomes, "outcome")
    replies = {(reply,): sent.replies[reply] for reply in REPLIES}
    yield make.of("ekiden_smtp_replies_total", replies, "reply")


def _sweeps(make: _Families, station: Station) -> Iterator[Metric]:
    sweeps = station.relay.sweeps
    runs = {("done",): sweeps.done, ("failed",): sweeps.failed}
    yield make.of("ekiden_sweeps_total", runs, "result")
    found = {("released",): sweeps.released, ("woken",): sweeps.woken}
    yield make.of("ekiden_swept_work_total", found, "kind")
    last = {(): sweeps.last_at} if sweeps.last_at else {}
    yield make.of("ekiden_last_sweep_timestamp_seconds", last)


def _of_sources(station: Station) -> Samples:
    return {
        (source, result): number
        for source, counts in station.sources.counts.items()
        for result, number in counts.items()
    }


def _queues(make: _Families, station: Station) -> Iterator[Metric]:
    labels = ("destination", "source")
    numbers = {
        "ekiden_queue_waiting": "waiting",
        "ekiden_queue_in_flight": "in_flight",
        "ekiden_queue_connections": "connections",
        "ekiden_queue_oldest_seconds": "oldest_s",
    }
    states = station.queues()
    for name, field in numbers.items():
        # The same servers may be two destinations, with and without a demand for protection.
        totals: Counter[tuple[str, ...]] = Counter()
        for each in states:
            totals[each.name, each.source] += getattr(each, field)
        yield make.of(name, totals, *labels)
    labelled = {(each.name, each.source, each.state): 1 for each in states}
    yield make.of("ekiden_queue_state", labelled, *labels, "state")


def _version() -> str:
    try:
        return version("ekiden")
    except PackageNotFoundError:  # it runs from a folder
        return "unknown"
