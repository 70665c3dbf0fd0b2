"""A collector of traces that speaks OTLP over HTTP (opentelemetry-proto, `/v1/traces`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Span:
    """As it came over the wire."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, Any]
    links: list[tuple[str, str]]
    """(trace, span)"""
    events: list[dict[str, Any]]
    is_error: bool
    duration_s: float


@dataclass
class Collector:
    """What has come in so far."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def of(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def the(self, name: str) -> Span:
        [span] = self.of(name)
        return span

    def tree(self, trace: str) -> Any:
        """The names of the spans of a trace as they hang below each other: {name: {name: …}}."""
        ours = [span for span in self.spans if span.trace == trace]
        assert len({span.id for span in ours}) == len(ours), "two spans have one id"

        def below(parent: str) -> Any:
            children = [span for span in ours if span.parent == parent]
            return sorted((span.name, below(span.id)) for span in children)

        return below("")

    def take(self, body: bytes, headers: dict[str, str]) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        self.headers.append(headers)
        self.spans += _spans(request)


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in request.resource_spans:
        service = str(_values(resource.resource.attributes).get("service.name"))
        for scope in resource.scope_spans:
            for each in scope.spans:
                yield Span(
                    service=service,
                    name=each.name,
                    trace=each.trace_id.hex(),
                    id=each.span_id.hex(),
                    parent=each.parent_span_id.hex(),
                    attributes=_values(each.attributes),
                    links=[(link.trace_id.hex(), link.span_id.hex()) for link in each.links],
                    events=[
                        {"name": event.name, **_values(event.attributes)} for event in each.events
                    ],
                    is_error=each.status.code == each.status.STATUS_CODE_ERROR,
                    duration_s=(each.end_time_unix_nano - each.start_time_unix_nano) / 1e9,
                )


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@contextmanager
def running_collector() -> Iterator[Collector]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["content-length"]))
            collector.take(body, {name.lower(): text for name, text in self.headers.items()})
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *what: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
