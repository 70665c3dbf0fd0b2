"""Makes spans of what was done. Imported only where traces are wanted.

Spans are made when the work has ended, because only then it is known which id is theirs: the run
that carries a work object to its end gets the one that is derived from the object's key, which is
what the next stage names as its parent; every other run (it came again, it went to `failed/`) gets
a random one below the same parent. So a stage that ran twice is seen as two siblings, and all that
followed hangs below the one that led to it. Two runs may both come to the end (a late twin, a
replay of what was done): in one process the second gets a random id as well; in two processes both
have the same id, which a viewer shows as one span or with a remark, and the tree stays right.
"""

import logging
from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace.status import Status, StatusCode

from shared import keys, trace_ids
from shared.errors import Busy
from shared.traces import Run, Submission

log = logging.getLogger("ekiden.traces")

REMEMBERED = 10_000
"""Ids that were given away, so that no second run gets the same."""


class NextIds(IdGenerator):
    """Gives the ids that were set just before: spans are made one at a time, without a pause."""

    trace_id = 0
    span_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id


class _Place(NamedTuple):
    """Where a span stands."""

    trace_id: str
    span_id: int
    """0: any."""
    parent: str = ""


class Spans:
    """Records runs of stages, and submits. Nothing that goes wrong here leaves it."""

    def __init__(self, provider: TracerProvider, chance: Random | None = None) -> None:
        """The provider's ids have to be `NextIds`."""
        self.provider = provider
        assert isinstance(provider.id_generator, NextIds)
        self._ids = provider.id_generator
        self._tracer = provider.get_tracer("ekiden")
        self._chance = chance or Random()
        self._given: dict[int, None] = {}

    def ran(self, run: Run) -> None:
        """A stage has worked on a work object."""
        try:
            self._ran(run)
        except Exception as error:  # noqa: BLE001 - no trace is worth a mail
            log.warning("%s is not traced: %s", run.key, error)

    def submitted(self, submission: Submission) -> None:
        """A Batch was accepted."""
        try:
            self._submitted(submission, _link_to(submission.traceparent))
        except Exception as error:  # noqa: BLE001 - no trace is worth a mail
            log.warning("the submit of %s is not traced: %s", submission.batch, error)

    def _ran(self, run: Run) -> None:
        notes = run.notes
        if isinstance(run.error, Busy) and not (notes and notes.attributes):
            return  # another was at it, and nothing was done: one span per wait would be noise
        if run.stage == "submit" and run.result == "done":
            self._begin_batches(run, face="inbox")  # the submit of the Batch is all there is to it
            return
        span_id = 0
        if run.result == "done" and trace_ids.batch_of(run.key):
            span_id = int(trace_ids.span_of_work(run.key), 16)
        place = _Place(trace_ids.of_work(run.key), span_id, trace_ids.parent_of_work(run.key))
        links = [_link_to_work(key) for key in notes.links] if notes else []
        span = self._start(run.stage, place, _attributes(run), links, run.began)
        if span is None:
            return
        if run.error is not None:
            span.record_exception(run.error, timestamp=_ns(run.ended))
        if run.result == "failed":
            span.set_status(Status(StatusCode.ERROR, str(run.error)))
        span.end(_ns(run.ended))
        self._begin_batches(run, face="report", cause=Link(span.get_span_context()))

    def _begin_batches(self, run: Run, face: str, cause: Link | None = None) -> None:
        """What a stage itself has submitted: an upload, or a report to who sent by SMTP."""
        said = run.notes.attributes if run.notes else {}
        for key in run.ready:
            if key.startswith(keys.SUBMITTED):
                batch, domain = keys.parse_submitted(key), str(said.get("domain", ""))
                recipients = int(said.get("recipients", 0))
                begun = Submission(batch, domain, face, recipients, run.began, run.ended)
                self._submitted(begun, cause)

    def _submitted(self, submission: Submission, link: Link | None) -> None:
        batch = submission.batch
        attributes: dict[str, str | int] = {
            "ekiden.stage": "submit",
            "ekiden.batch": batch,
            "ekiden.key": keys.submitted(batch),
            "ekiden.domain": submission.domain,
            "ekiden.face": submission.face,
            "ekiden.recipients": submission.recipients,
        }
        place = _Place(trace_ids.of_batch(batch), int(trace_ids.span_of_submit(batch), 16))
        known = {name: value for name, value in attributes.items() if value}
        span = self._start("submit", place, known, [link] if link else [], submission.began)
        if span is not None:
            span.end(_ns(submission.ended))

    def _start(
        self,
        name: str,
        place: "_Place",
        attributes: Mapping[str, str | int],
        links: Sequence[Link],
        began: float,
    ) -> Span | None:
        """None if the sampler does not want this trace."""
        self._ids.trace_id = int(place.trace_id, 16)
        # Every process decides by the trace's id alone, as for a root: so all decide alike.
        wanted = self.provider.sampler.should_sample(Context(), self._ids.trace_id, name)
        if wanted.decision is not Decision.RECORD_AND_SAMPLE:
            return None
        self._ids.span_id = self._unused(place.span_id)
        parent = NonRecordingSpan(_context(place.trace_id, place.parent))
        return self._tracer.start_span(
            name,
            context=set_span_in_context(parent, Context()),
            kind=SpanKind.SERVER if name == "submit" else SpanKind.CONSUMER,
            attributes=attributes,
            links=links,
            start_time=_ns(began),
        )

    def _unused(self, span_id: int) -> int:
        """This id, or a random one if it is 0 or was given away before."""
        if not span_id or span_id in self._given:
            return self._chance.getrandbits(64) or 1
        self._given[span_id] = None
        if len(self._given) > REMEMBERED:
            del self._given[next(iter(self._given))]
        return span_id


def _attributes(run: Run) -> dict[str, str | int]:
    said: dict[str, str | int] = {
        "stage": run.stage,
        "key": run.key,
        "result": run.result,
        "tries": run.tries,
        **trace_ids.place_of_work(run.key),
        **(run.notes.attributes if run.notes else {}),
    }
    return {f"ekiden.{name}": value for name, value in said.items()}


def _link_to(traceparent: str) -> Link | None:
    found = trace_ids.parse_traceparent(traceparent)
    return Link(_context(*found)) if found else None


def _link_to_work(work_key: str) -> Link:
    return Link(_context(trace_ids.of_work(work_key), trace_ids.span_of_work(work_key)))


def _context(trace_id: str, span_id: str) -> SpanContext:
    """Of a span elsewhere; an empty span id is none, and what names it as its parent is a root."""
    return SpanContext(
        int(trace_id, 16),
        int(span_id or "0", 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
