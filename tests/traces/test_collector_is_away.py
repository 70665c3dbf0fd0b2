"""A collector that is away, or hangs, costs no mail, and no more than a line in the log."""

import logging
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
from station import BATCH, run, running_station

from shared.trace_export import QUIET_S, Complaints

MAILS = 20


@pytest.fixture(params=["nobody listens", "it never answers"])
def absent(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a collector that takes nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        if request.param == "nobody listens":
            listener.close()
            yield "http://127.0.0.1:1"
        else:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_mail_is_sent_all_the_same(
    absent: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", absent)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "4")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2")

    async def story() -> None:
        async with running_station() as here:
            for _ in range(MAILS):
                await here.submit(BATCH)
            await here.idle()
            assert len(here.sink.received) == MAILS

    with caplog.at_level(logging.INFO):
        run(story)
    complaints = [each for each in caplog.records if each.name == "ekiden.traces"]
    assert len(complaints) <= 1
    assert not [each for each in caplog.records if each.name.startswith("opentelemetry")]


def test_a_complaint_is_let_through_every_five_minutes(caplog: pytest.LogCaptureFixture) -> None:
    now = 1000.0
    complaints = Complaints(lambda: now)
    record = logging.makeLogRecord({"msg": "no %s", "args": ("answer",), "levelno": logging.ERROR})
    for later_s in (0.0, 1.0, QUIET_S - 2.0, 1.0, 1.0):
        now += later_s
        complaints.handle(record)
    assert [each.getMessage() for each in caplog.records] == ["traces may be lost: no answer"] * 2
