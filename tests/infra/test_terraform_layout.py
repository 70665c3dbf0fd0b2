"""The layout module: well written, tested by Terraform itself, and the same as the code."""

import json
from pathlib import Path
from typing import Any

import pytest
from terraform_modules import MODULES, applied, copied, initialised, terraform

from shared.layout import EXPIRES_AFTER_S, QUEUES, RIGHTS, as_data, policy


@pytest.fixture
def module(tmp_path: Path) -> Path:
    folder = copied(tmp_path) / "layout"
    initialised(folder)
    return folder


def _policies(outputs: dict[str, Any]) -> dict[str, Any]:
    return {name: json.loads(text) for name, text in outputs["policies"].items()}


def test_the_data_is_that_of_the_code() -> None:
    written = json.loads((MODULES / "layout" / "layout.json").read_text())
    assert written == json.loads(json.dumps(as_data())), (
        "python -m shared.layout > infra/terraform/layout/layout.json"
    )


def test_all_modules_are_formatted(tmp_path: Path) -> None:
    status, said = terraform(copied(tmp_path), "fmt", "-check", "-recursive", "-diff")
    assert status == 0, said


def test_the_module_is_valid_and_passes_its_own_tests(module: Path) -> None:
    for words in (["validate"], ["test"]):
        status, said = terraform(module, *words, "-no-color")
        assert status == 0, said


def test_its_own_tests_notice_what_is_wrong(module: Path) -> None:
    main = module / "main.tf"
    exact = 'allowed.patterns : "${local.arn}/${var.key_prefix}${pattern}"'
    assert exact in main.read_text()
    main.write_text(main.read_text().replace(exact, 'allowed.patterns : "${local.arn}/*"'))
    status, said = terraform(module, "test", "-no-color")
    assert status != 0
    assert "objects by pattern" in said


def test_its_policies_are_those_of_the_code(module: Path) -> None:
    outputs = applied(module, {"bucket": "mail", "key_prefix": "live/"})
    expected = {name: policy(rights, "mail", "live/") for name, rights in RIGHTS.items()}
    del expected["pod_sending"]
    assert _policies(outputs) == expected


def test_the_pod_that_sends_has_the_rights_that_the_code_says(module: Path) -> None:
    outputs = applied(module, {"bucket": "mail", "send_from_pod": True})
    assert _policies(outputs)["pod"] == policy(RIGHTS["pod_sending"], "mail")


def test_its_names_and_times_are_those_of_the_code(module: Path) -> None:
    outputs = applied(module, {"bucket": "mail"})
    assert {stage: each["queue"] for stage, each in outputs["stages"].items()} == QUEUES
    expiring = {each["prefix"]: each["days"] * 86_400 for each in outputs["retention"].values()}
    assert expiring == EXPIRES_AFTER_S
