"""Traces go to a collector on the loopback; the functions' processes are those of tests/events."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from trace_collector import Collector, running_collector

from shared import traces

sys.path.append(str(Path(__file__).parents[1] / "events"))


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector, which the environment names from here on."""
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    with running_collector() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
        yield running
    assert traces.spans is None, "a Station was not stopped"
