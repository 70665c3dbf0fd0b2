"""Who asks for no traces pays for none."""

import ast
import inspect
import os
import subprocess
import sys
import textwrap

import pytest

from shared import stage, traces

ONE_MAIL = """
    import asyncio, sys
    from station import BATCH, running_station
    from ekiden.metrics import exposition

    async def story():
        async with running_station() as here:
            await here.done(await here.submit(BATCH))
            await here.idle()
            for name in ("opentelemetry", "prometheus_client", "requests"):
                found = [each for each in sys.modules if each.partition(".")[0] == name]
                assert not found, found
            assert b"ekiden_outcomes_total" in exposition(here.station)

    asyncio.run(story())
"""


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
        {"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"},
    ],
)
def test_a_mail_is_sent_without_a_module_for_traces_or_metrics(settings: dict[str, str]) -> None:
    inherited = {
        name: text
        for name, text in os.environ.items()
        if name[:5] != "OTEL_" and name[:7] != "EKIDEN_"
    }
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(ONE_MAIL)],
        env=inherited | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))} | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


def test_the_whole_cost_for_a_piece_of_work_is_to_look_twice_whether_somebody_records() -> None:
    tree = ast.parse(inspect.getsource(stage))
    looks = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        if ast.unparse(node) == "traces.spans is not None"
    ]
    uses = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        if ast.unparse(node.func).startswith("traces.")
    ]
    guarded = [
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If | ast.IfExp) and node.test in looks
        for inner in ast.walk(node)
    ]
    assert len(looks) == 2
    assert uses
    assert all(use in guarded for use in uses)


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": " Console "}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
    ],
)
def test_an_exporter_or_an_endpoint_switches_them_on(environ: dict[str, str], wanted: bool) -> None:
    assert traces.are_wanted(environ) is wanted


@pytest.mark.parametrize(
    "environ",
    [
        {"OTEL_TRACES_EXPORTER": "zipkin"},
        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_BSP_MAX_QUEUE_SIZE": "0"},
    ],
)
def test_settings_that_cannot_be_used_are_said_and_stop_nothing(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(traces, "spans", None)
    for name, text in environ.items():
        monkeypatch.setenv(name, text)
    traces.set_up("ekiden", os.environ)
    assert traces.spans is None
    assert "no traces" in caplog.text
