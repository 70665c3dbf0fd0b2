"""What the process counts, as Prometheus reads it. Made when somebody asks: it costs no mail."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ekiden.station import Station

METRICS = {
    "ekiden_build_info": "1, with the `version` that runs.",
    "ekiden_open_work": "Work objects that are queued or running in this process.",
    "ekiden_oldest_work_seconds": "How long the oldest open work object has been in this process.",
    "ekiden_work_total": "Runs of a `stage` on a work object; `result`: `done`, `failed` (it lies "
    "below `failed/`), `again` (it is tried once more).",
    "ekiden_work_seconds": "How long a run of a `stage` took. A histogram.",
    "ekiden_work_errors_total": "Runs of a `stage` that ended in an error; `cause`: its type, such "
    "as `StoreUnavailable`, or `Busy`: another has the lease.",
    "ekiden_submitted_batches_total": "Batches accepted; `face`: `http`, `smtp`, `inbox`.",
    "ekiden_submitted_recipients_total": "Recipients of the Batches accepted; by `face`, too.",
    "ekiden_outcomes_total": "Outcomes that `send` recorded. A Delivery that is deferred twice and "
    "then delivered counts three times.",
    "ekiden_smtp_replies_total": "What servers answered to a Delivery; `reply`: `2xx`, `4xx`, "
    "`5xx`, `none`.",
    "ekiden_sweeps_total": "Sweeps of this process; `result`: `done`, `failed`.",
    "ekiden_swept_work_total": "Work that the sweep found; `kind`: `released` (due), `woken` "
    "(forgotten: its event was lost, or its process ended).",
    "ekiden_last_sweep_timestamp_seconds": "When the last sweep was done, in seconds since 1970.",
    "ekiden_source_events_total": "Events by `source`, and what became of them (`result`).",
    "ekiden_store_requests_total": "Requests to the store, by operation.",
    "ekiden_queue_waiting": "Mails that wait for a destination, in memory.",
    "ekiden_queue_in_flight": "Mails on a connection to a destination.",
    "ekiden_queue_connections": "Open connections to a destination.",
    "ekiden_queue_oldest_seconds": "How long the first mail has waited for a destination.",
    "ekiden_queue_state": "1 for the state that a destination is in: idle, sending, slowed, "
    "suspended or paused.",
    "process_virtual_memory_bytes": "Virtual memory.",
    "process_resident_memory_bytes": "Memory in use.",
    "process_start_time_seconds": "When the process began, in seconds since 1970.",
    "process_cpu_seconds_total": "CPU time, of this process without its renderers.",
    "process_open_fds": "Open file descriptors.",
    "process_max_fds": "How many may be open.",
}
"""Every metric, and what it says (docs/reference.md)."""


def exposition(station: "Station") -> bytes:
    """The text format of Prometheus."""
    from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

    registry = CollectorRegistry()
    registry.register(_Collector(station))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Collector:
    """Reads the Station's own counts."""

    def __init__(self, station: "Station") -> None:
        self._station = station

    def collect(self) -> Iterator[Any]:
        from ekiden.metric_families import families

        return families(self._station, METRICS)
