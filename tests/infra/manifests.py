"""The manifests as they are applied, and the parts of them that tests ask for."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
KNATIVE = ROOT / "infra" / "knative"
OVERLAYS = ("webhook", "broker", "aws")
FUNCTIONS = ("submit", "validate", "dispatch", "send", "bounce", "sweep")
COMPONENT = "../../components/send-from-pod"

Document = dict[str, Any]


def sources() -> list[Document]:
    """Every whole document that a kustomization names as a resource, before patches."""
    found: list[Document] = []
    for kustomization in sorted(KNATIVE.rglob("kustomization.yaml")):
        for name in yaml.safe_load(kustomization.read_text()).get("resources", []):
            file = kustomization.parent / name
            if file.is_file():
                found += _documents(file.read_text())
    return found


@cache
def rendered(overlay: str) -> list[Document]:
    """What `kubectl apply -k` would send. Skips the test where kubectl is missing."""
    return _kustomize(KNATIVE / "overlays" / overlay)


def _kustomize(folder: Path) -> list[Document]:
    if not shutil.which("kubectl"):
        pytest.skip("no kubectl: the overlays cannot be rendered")
    done = subprocess.run(
        ["kubectl", "kustomize", folder], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return _documents(done.stdout)


def with_component(overlay: str, place: Path) -> list[Document]:
    """The same with the component `send-from-pod`, in a copy below `place`."""
    copy = place / "knative"
    shutil.copytree(KNATIVE, copy)
    kustomization = copy / "overlays" / overlay / "kustomization.yaml"
    kustomization.write_text(f"components: [{COMPONENT}]\n{kustomization.read_text()}")
    return _kustomize(kustomization.parent)


def _documents(text: str) -> list[Document]:
    return [each for each in yaml.safe_load_all(text) if each]


def of_kind(documents: list[Document], kind: str, group: str = "") -> dict[str, Document]:
    """By name: all documents of one kind, of one API group if more than one has it."""
    return {
        each["metadata"]["name"]: each
        for each in documents
        if each["kind"] == kind and each["apiVersion"].startswith(group)
    }


def functions(documents: list[Document]) -> dict[str, Document]:
    """By name: Knative's Services."""
    return of_kind(documents, "Service", "serving.knative.dev/")


def pod_templates(documents: list[Document]) -> dict[str, Document]:
    """By name: the template of everything of ours that becomes a pod."""
    found = {name: each["spec"]["template"] for name, each in functions(documents).items()}
    for name, each in of_kind(documents, "Deployment").items():
        found[name] = each["spec"]["template"]
    for name, each in of_kind(documents, "CronJob").items():
        found[name] = each["spec"]["jobTemplate"]["spec"]["template"]
    return found


def environment(documents: list[Document], template: Document) -> dict[str, str]:
    """The variables of a template's container, from its ConfigMaps and its own list."""
    maps = of_kind(documents, "ConfigMap")
    container = template["spec"]["containers"][0]
    found: dict[str, str] = {}
    for each in container.get("envFrom", []):
        if "configMapRef" in each:
            found |= maps[each["configMapRef"]["name"]]["data"]
    return found | {each["name"]: each["value"] for each in container.get("env", [])}


def keys_in(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every key of every mapping in a document."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield (*path, key)
            yield from keys_in(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from keys_in(value, (*path, index))
