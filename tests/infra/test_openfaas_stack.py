"""OpenFaaS's stack file. There is no schema of it to be had: its fields are listed here, as
faas-cli reads them, and all others are refused."""

import re
from typing import Any

import pytest
import yaml
from manifests import FUNCTIONS, ROOT, STAGES

from shared.config import load, options
from shared.face import LIVE_PATHS, READY_PATHS

FOLDER = ROOT / "infra" / "openfaas"
FIELDS = {
    "image",
    "skip_build",
    "readonly_root_filesystem",
    "environment",
    "environment_file",
    "secrets",
    "labels",
    "annotations",
    "requests",
    "limits",
}
LABELS = {f"com.openfaas.scale.{name}" for name in ("min", "max", "type", "target", "zero")}
ANNOTATIONS = {"com.openfaas.health.http.path", "com.openfaas.ready.http.path"}
CRON = {"topic", "schedule"}
GATEWAY_WAITS_S = 605


def _stack() -> dict[str, Any]:
    return dict(yaml.safe_load((FOLDER / "stack.yaml").read_text()))


def _seconds(duration: str) -> int:
    assert duration.endswith("s")
    return int(duration[:-1])


@pytest.fixture(params=FUNCTIONS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def function(name: str) -> dict[str, Any]:
    return dict(_stack()["functions"][name])


def test_the_stack_has_every_function() -> None:
    stack = _stack()
    assert stack.keys() == {"version", "provider", "functions"}
    assert stack["version"] == 1.0
    assert stack["provider"].keys() == {"name", "gateway"}
    assert stack["functions"].keys() == set(FUNCTIONS)


def test_a_function_has_no_field_that_faas_cli_does_not_read(function: dict[str, Any]) -> None:
    assert function.keys() == FIELDS
    assert function["labels"].keys() == LABELS | {"com.openfaas.scale.zero-duration"}
    assert function["annotations"].keys() - CRON == ANNOTATIONS
    assert function["requests"].keys() | function["limits"].keys() == {"cpu", "memory"}


def test_labels_and_annotations_are_text(function: dict[str, Any]) -> None:
    for each in (function["labels"], function["annotations"]):
        assert all(isinstance(value, str) for value in each.values())
    assert function["labels"]["com.openfaas.scale.zero"] == "true"


def test_all_functions_are_the_one_image_with_a_read_only_root(function: dict[str, Any]) -> None:
    assert function["image"] == "${IMAGE:-registry.example.com/ekiden:0.1.0}"
    assert function["skip_build"] is True
    assert function["readonly_root_filesystem"] is True


def test_a_function_names_its_own_target(name: str, function: dict[str, Any]) -> None:
    assert function["environment"]["FUNCTION_TARGET"] == name
    assert (ROOT / "functions" / name / "main.py").exists()


def test_it_is_asked_for_its_health_where_it_answers(function: dict[str, Any]) -> None:
    annotations = function["annotations"]
    assert annotations["com.openfaas.health.http.path"] in LIVE_PATHS
    assert annotations["com.openfaas.ready.http.path"] in READY_PATHS


def test_no_function_runs_longer_than_the_gateway_waits(function: dict[str, Any]) -> None:
    times = {_seconds(function["environment"][key]) for key in ("exec_timeout", "write_timeout")}
    assert max(times) < GATEWAY_WAITS_S
    text = (FOLDER / "stack.yaml").read_text()
    assert f"upstreamTimeout={GATEWAY_WAITS_S}s" in text


def test_only_the_sweep_is_called_by_the_clock(name: str, function: dict[str, Any]) -> None:
    annotations = function["annotations"]
    timed = {key: annotations[key] for key in CRON & annotations.keys()}
    every_minute = {"topic": "cron-function", "schedule": "* * * * *"}
    assert timed == (every_minute if name == "sweep" else {})


def test_the_options_and_the_secrets_exist(function: dict[str, Any]) -> None:
    assert function["environment_file"] == ["ekiden.yaml"]
    variables = yaml.safe_load((FOLDER / "ekiden.yaml").read_text())["environment"]
    load(environ=variables)
    credentials = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    named = {re.sub("-", "_", secret).upper() for secret in function["secrets"]}
    assert named <= {option.env for option in options()} | credentials


def test_the_sweep_calls_every_stage_through_the_gateway() -> None:
    own = _stack()["functions"]["sweep"]["environment"]
    config = load(environ={key: own[key] for key in own if key.startswith("EKIDEN_")})
    targets = dict(each.split("=", 1) for each in config.sweep.targets)
    assert targets.keys() == STAGES.keys() <= _stack()["functions"].keys()
    for stage, url in targets.items():
        assert url == f"http://gateway.openfaas.svc.cluster.local:8080/function/{stage}"
