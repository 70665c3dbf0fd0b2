"""What the process counts, as Prometheus reads it. Made when somebody asks: it costs no mail."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ekiden.station import Station

METRICS = {
    "ekiden_open_work": "Work objects that are queued or running in this process.",
    "ekiden_store_requests_total": "Requests to the store, by operation.",
    "ekiden_queue_waiting": "Mails that wait for a destination, in memory.",
    "ekiden_queue_in_flight": "Mails on a connection to a destination.",
    "ekiden_queue_connections": "Open connections to a destination.",
    "ekiden_queue_oldest_seconds": "How long the first mail has waited for a destination.",
    "ekiden_queue_state": "1 for the state that a destination is in: idle, sending, slowed, "
    "suspended or paused.",
}
"""Every metric, and what it says (docs/reference.md)."""


def exposition(station: "Station") -> bytes:
    """The text format of Prometheus."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    registry.register(_Collector(station))
    return generate_latest(registry)


class _Collector:
    """Reads the Station's own counts."""

    def __init__(self, station: "Station") -> None:
        self._station = station

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        work = _family(GaugeMetricFamily, "ekiden_open_work")
        work.add_metric([], self._station.relay.open_work)
        yield work
        requests = _family(CounterMetricFamily, "ekiden_store_requests_total", "operation")
        for operation, number in self._station.store.counts.items():
            requests.add_metric([operation], number)
        yield requests
        yield from self._queues(GaugeMetricFamily)

    def _queues(self, gauge: type[Any]) -> Iterator[Any]:
        labels = ("destination", "source")
        numbers = {
            "ekiden_queue_waiting": "waiting",
            "ekiden_queue_in_flight": "in_flight",
            "ekiden_queue_connections": "connections",
            "ekiden_queue_oldest_seconds": "oldest_s",
        }
        states = self._station.queues()
        for name, field in numbers.items():
            # The same servers may be two destinations, with and without a demand for protection.
            totals: Counter[tuple[str, str]] = Counter()
            for each in states:
                totals[each.name, each.source] += getattr(each, field)
            family = _family(gauge, name, *labels)
            for place, total in totals.items():
                family.add_metric(place, total)
            yield family
        family = _family(gauge, "ekiden_queue_state", *labels, "state")
        for labelled in {(each.name, each.source, each.state) for each in states}:
            family.add_metric(labelled, 1)
        yield family


def _family(kind: type[Any], name: str, *labels: str) -> Any:
    return kind(name, METRICS[name], labels=labels)
