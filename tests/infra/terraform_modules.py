"""The Terraform modules in a copy, so that nothing is written beside them, and their checks.

Providers come from a mirror: one that Terraform's own configuration names, or the folder in
TERRAFORM_MIRROR.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

MODULES = Path(__file__).parents[2] / "infra" / "terraform"
NAMES = ("layout", "aws", "minio")
INIT_WITHIN_S = 120
WITHIN_S = 300


def copied(place: Path) -> Path:
    """A folder with all modules. Skips the test where there is no Terraform."""
    if not shutil.which("terraform"):
        pytest.skip("no terraform")
    target = place / "terraform"
    shutil.copytree(MODULES, target, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    return target


def terraform(module: Path, *words: str, within_s: float = WITHIN_S) -> tuple[int, str]:
    """(exit status, all that it said)"""
    done = subprocess.run(
        ["terraform", *words],
        cwd=module,
        env=_environment(module),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=within_s,
        check=False,
    )
    return done.returncode, done.stdout


def initialised(module: Path) -> None:
    """Skips the test where its providers cannot be had."""
    try:
        status, said = terraform(
            module, "init", "-backend=false", "-no-color", within_s=INIT_WITHIN_S
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"terraform init of {module.name} takes too long: no provider mirror?")
    if status and "provider" in said:
        reason = next(line for line in said.splitlines() if "Error" in line)
        pytest.skip(f"no provider mirror for {module.name} (TERRAFORM_MIRROR): {reason}")
    assert status == 0, said


def applied(module: Path, variables: dict[str, Any]) -> dict[str, Any]:
    """The outputs when all is made."""
    (module / "test.auto.tfvars.json").write_text(json.dumps(variables))
    status, said = terraform(module, "apply", "-auto-approve", "-no-color", "-input=false")
    assert status == 0, said
    status, said = terraform(module, "output", "-json", "-no-color")
    assert status == 0, said
    return {name: each["value"] for name, each in json.loads(said).items()}


def _environment(module: Path) -> dict[str, str]:
    found = {name: text for name, text in os.environ.items() if not name.startswith("TF_")}
    found |= {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
    if mirror := os.environ.get("TERRAFORM_MIRROR"):
        config = module / "mirror.tfrc"
        config.write_text(
            f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n'
        )
        found["TF_CLI_CONFIG_FILE"] = str(config)
    elif Path(own := os.environ.get("TF_CLI_CONFIG_FILE", "")).is_file():
        found["TF_CLI_CONFIG_FILE"] = own
    return found
