"""Traces: one per Batch, with one span for each run of a stage on a work object. Off by default.

    submit ─ validate ─┬─ dispatch (a Bag) ─ send (attempt 0) ─ send (attempt 1) …
                       └─ dispatch (a Bag) ─ send …
    bounce             in a trace of its own, linked to the send that it is about

Whatever runs a stage calls `set_up` once it is awake; without the standard variables
(`OTEL_TRACES_EXPORTER`, `OTEL_EXPORTER_OTLP_ENDPOINT`) that does nothing, nothing of OpenTelemetry
is imported, and the whole cost is one look at `spans` for each piece of work. The spans' ids come
from the keys (`shared/trace_ids.py`), so what a trace needs travels in the objects, and an event
that was lost breaks none.
"""

import logging
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from shared.trace_spans import Spans

log = logging.getLogger("ekiden.traces")

Result = Literal["done", "failed", "again"]
"""What a run came to: the work is done, it lies below `failed/`, or it comes again."""

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

spans: "Spans | None" = None
"""Who records, in this process. None while nobody does."""


@dataclass(frozen=True, slots=True)
class Notes:
    """What a stage says about the work under way."""

    attributes: dict[str, str | int] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)
    """Keys of other work that it is about."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a stage on a work object. Times are seconds since 1970."""

    stage: str
    key: str
    began: float
    ended: float
    tries: int
    result: Result
    error: Exception | None
    ready: Sequence[str]
    """The keys of what it wrote for the next stage."""
    notes: Notes | None


@dataclass(frozen=True, slots=True)
class Submission:
    """A Batch that was accepted just now. Times are seconds since 1970."""

    batch: str
    domain: str
    face: str
    recipients: int
    began: float
    ended: float
    traceparent: str = ""
    """What the app sent along (W3C Trace Context): its trace and this one get a link."""


_under_way: ContextVar[Notes | None] = ContextVar("notes", default=None)


def begin() -> Notes | None:
    """A stage takes up work: what is noted from here on is about that."""
    if spans is None:
        return None
    notes = Notes()
    _under_way.set(notes)
    return notes


def note(**attributes: str | int) -> None:
    """Say something about the work under way; `domain="…"` becomes `ekiden.domain`."""
    if spans is not None and (notes := _under_way.get()) is not None:
        notes.attributes.update(attributes)


def link(work_key: str) -> None:
    """The work under way is about that work."""
    if spans is not None and (notes := _under_way.get()) is not None:
        notes.links.append(work_key)


def are_wanted(environ: Mapping[str, str]) -> bool:
    """Whether the environment names a place for traces."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporters = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if exporters:
        return exporters != "none"
    return any(environ.get(name) for name in ENDPOINTS)


def set_up(service: str, environ: Mapping[str, str]) -> None:
    """Begin to record, if it is wanted and not done yet. Call it behind a fork, not before.

    `service` is the name for who says no other. Whatever is wrong with the settings: mail goes on.
    """
    global spans
    if spans is not None or not are_wanted(environ):
        return
    try:
        from shared.trace_export import provider_for
        from shared.trace_spans import Spans

        provider = provider_for(service, environ)
        spans = Spans(provider) if provider else None
    except Exception as error:  # noqa: BLE001 - no setting of traces may keep mail from leaving
        log.error("there will be no traces: %s", error)
