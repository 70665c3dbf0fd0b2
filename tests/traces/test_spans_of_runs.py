"""Which span a run of a stage becomes, also when it ran more than once."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from random import Random

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import keys, trace_ids, traces
from shared.errors import Busy, Malformed, StoreUnavailable
from shared.ids import batch_id
from shared.stage import Stage, Wake, run
from shared.store.memory import MemoryStore
from shared.trace_spans import NextIds, Spans

NOW = 1_800_000_000.0
BATCH = batch_id(NOW, bytes(range(10)))
KEY = keys.validated(BATCH, 3)


class Bench:
    """A stage in memory, and the spans of its runs."""

    def __init__(self) -> None:
        self.now = NOW
        self.store = MemoryStore(lambda: self.now)
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(id_generator=NextIds(), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.provider = provider

    def run(self, *does: Exception | None, key: str = KEY, name: str = "dispatch") -> None:
        """Let the stage have the work object so often; each time it raises this, or is done."""
        for tries, error in enumerate(does, 1):
            stage = Stage(name, self._work(error))
            try:
                asyncio.run(run(stage, self.store, lambda: self.now, Wake(key, b"{}"), tries))
            except (Busy, StoreUnavailable):
                continue

    def _work(self, error: Exception | None) -> Callable[[str, bytes], object]:
        async def work(_key: str, _body: bytes) -> Sequence[Wake]:
            self.now += 2
            if error is not None:
                raise error
            return ()

        return work

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    def ids(self) -> list[str]:
        return [f"{span.context.span_id:016x}" for span in self.spans]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = Bench()
    monkeypatch.setattr(traces, "spans", Spans(bench.provider, Random(7)))
    yield bench
    bench.provider.shutdown()


def test_the_run_that_came_to_the_end_is_the_one_that_others_hang_below(bench: Bench) -> None:
    bench.run(StoreUnavailable("away"), StoreUnavailable("away"), None)
    parents = {f"{span.parent.span_id:016x}" for span in bench.spans if span.parent}
    assert parents == {trace_ids.span_of_work(keys.submitted(BATCH))}
    assert len(set(bench.ids())) == 3
    assert bench.ids()[2] == trace_ids.parent_of_work(keys.dispatched(BATCH, 3, 0))


def test_work_that_comes_to_the_end_twice_has_two_ids(bench: Bench) -> None:
    bench.run(None, None)
    first, second = bench.ids()
    assert first == trace_ids.span_of_work(KEY) != second


def test_an_error_that_passes_is_an_event_and_one_that_does_not_is_a_status(bench: Bench) -> None:
    bench.run(StoreUnavailable("away"), Malformed("no JSON"), KeyError("x"))
    assert [span.status.is_ok for span in bench.spans] == [True, False, False]
    assert bench.spans[1].status.description == "no JSON"
    told = [dict(span.events[0].attributes or {})["exception.type"] for span in bench.spans]
    assert told == ["shared.errors.StoreUnavailable", "shared.errors.Malformed", "KeyError"]
    assert [dict(span.attributes or {})["ekiden.result"] for span in bench.spans] == [
        "again",
        "failed",
        "failed",
    ]
    assert trace_ids.span_of_work(KEY) not in bench.ids()


def test_waiting_for_another_that_has_the_lease_is_no_span(bench: Bench) -> None:
    bench.run(Busy("leased"), Busy("leased"), None)
    assert len(bench.spans) == 1


def test_times_are_those_of_the_work(bench: Bench) -> None:
    bench.run(None)
    [span] = bench.spans
    assert (span.start_time, span.end_time) == (round(NOW * 1e9), round((NOW + 2) * 1e9))


@pytest.mark.parametrize("key", ["validated/x/y", f"dispatched/{BATCH}/0000.garbage", "inbound/x"])
def test_work_under_an_odd_key_has_a_span_without_a_parent(key: str, bench: Bench) -> None:
    bench.run(None, Malformed("odd"), key=key)
    assert [span.parent for span in bench.spans] == [None, None]


def test_what_cannot_be_traced_stops_no_work(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.provider.sampler = None  # type: ignore[assignment]
    bench.run(None)
    assert bench.spans == ()
    assert "is not traced" in caplog.text
