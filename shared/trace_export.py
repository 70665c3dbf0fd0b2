"""Where spans go, by OpenTelemetry's standard variables. Imported only where traces are wanted.

| variable | |
|---|---|
| `OTEL_TRACES_EXPORTER` | `otlp` (also when only an endpoint is given), `console`, `none` |
| `OTEL_EXPORTER_OTLP_ENDPOINT`, `_HEADERS`, `_TIMEOUT`, `_COMPRESSION`, `_CERTIFICATE` | also as `…_OTLP_TRACES_…` |
| `OTEL_EXPORTER_OTLP_PROTOCOL` | `http/protobuf`, the only one |
| `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | who we are |
| `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | which Batches |
| `OTEL_BSP_SCHEDULE_DELAY`, `OTEL_BSP_MAX_QUEUE_SIZE`, … | how they are gathered |
| `OTEL_SDK_DISABLED` | `true`: none at all |

Spans are gathered and posted by a thread of their own. When its collector is away, the queue fills
and the oldest spans are dropped; no mail ever waits for it.
"""  # noqa: E501

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Thread

from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SimpleSpanProcessor,
)

from shared import traces
from shared.trace_spans import NextIds

log = logging.getLogger("ekiden.traces")

PATIENCE_S = 3.0
"""For the last spans, when the process ends."""
QUIET_S = 300.0
"""Between two complaints about the collector."""
HTTP = "http/protobuf"


class Complaints(logging.Handler):
    """Takes what OpenTelemetry has to say, and lets one line in five minutes through: a collector
    that is away would fill the log."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logging.WARNING)
        self._clock = clock
        self._quiet_until = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        now = self._clock()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET_S
            log.warning("traces may be lost: %s", record.getMessage())


def provider_for(service: str, environ: Mapping[str, str]) -> TracerProvider | None:
    """None, with a word in the log, if no exporter is named that we have."""
    provider = TracerProvider(
        resource=_resource(service), id_generator=NextIds(), shutdown_on_exit=False
    )
    _hush()
    names = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() or "otlp"
    found = [_add(provider, name.strip(), environ) for name in names.split(",")]
    return provider if any(found) else None


def _add(provider: TracerProvider, name: str, environ: Mapping[str, str]) -> bool:
    if name == "console":
        provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
        return True
    protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get(
        "OTEL_EXPORTER_OTLP_PROTOCOL", HTTP
    )
    if name != "otlp" or protocol != HTTP:
        told = name if name != "otlp" else f"otlp over {protocol}"
        log.error("no traces to %s: there is otlp over %s, and console", told, HTTP)
        return False
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return True


def _resource(service: str) -> Resource:
    """As the environment has it; the service's name is ours only where it gives none."""
    found = Resource.create()
    if str(found.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        found = found.merge(Resource({SERVICE_NAME: service}))
    return found


def _hush() -> None:
    foreign = logging.getLogger("opentelemetry")
    foreign.handlers = [Complaints()]
    foreign.propagate = False


def flush_then(then: Callable[[], None]) -> None:
    """Export what there is, for `PATIENCE_S` at most; then call `then`, on a thread."""
    Thread(target=_finish, args=(_flush, then), daemon=True).start()


async def flush() -> None:
    """Export what there is, for `PATIENCE_S` at most. Nobody else waits meanwhile."""
    await _awaited(_flush)


async def shut_down() -> None:
    """The same, and record nothing more."""
    await _awaited(_shut_down)
    traces.spans = None


async def _awaited(work: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    then = loop.call_soon_threadsafe
    Thread(target=_finish, args=(work, lambda: then(done.set)), daemon=True).start()
    await done.wait()


def _finish(work: Callable[[], None], then: Callable[[], None]) -> None:
    # A thread of its own, and no thread pool: at its end, Python waits for those of a pool.
    working = Thread(target=work, daemon=True)
    working.start()
    working.join(PATIENCE_S)
    with suppress(RuntimeError):  # the loop that waited was closed meanwhile
        then()


def _flush() -> None:
    if traces.spans is not None:
        traces.spans.provider.force_flush()


def _shut_down() -> None:
    if traces.spans is not None:
        traces.spans.provider.shutdown()
