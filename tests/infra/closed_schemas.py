"""Checks a manifest against its schema with all objects closed: a field that the API server would
drop without a word fails here.

Knative's own CRDs are data beside this repository (../shared/data/knative-crds, or the folder that
EKIDEN_TEST_KNATIVE_CRDS names); Kubernetes' kinds come with the package kubernetes-validate.
"""

import json
import os
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema.protocols import Validator
from jsonschema.validators import Draft202012Validator
from manifests import ROOT, Document
from referencing import Registry, Resource

from shared.config import options

CRDS = Path(
    os.environ.get("EKIDEN_TEST_KNATIVE_CRDS", ROOT.parent / "shared" / "data" / "knative-crds")
)
KUBERNETES = "v1.33.0-local-strict"
METADATA = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
EMPTY_DIR = "io.k8s.api.core.v1.EmptyDirVolumeSource"

FREE = {
    "labels": {
        "app.kubernetes.io/part-of",
        "app.kubernetes.io/component",
        "networking.knative.dev/visibility",
        "pod-security.kubernetes.io/enforce",
        "pod-security.kubernetes.io/warn",
    },
    "matchLabels": {
        "app.kubernetes.io/part-of",
        "app.kubernetes.io/component",
        "eventing.knative.dev/event-transform-jsonata",
        "k8s-app",
        "kubernetes.io/metadata.name",
    },
    "annotations": {
        "autoscaling.knative.dev/min-scale",
        "autoscaling.knative.dev/max-scale",
        "autoscaling.knative.dev/scale-to-zero-pod-retention-period",
        "autoscaling.knative.dev/target-burst-capacity",
        "autoscaling.knative.dev/window",
        "eks.amazonaws.com/role-arn",
        "prometheus.io/scrape",
        "prometheus.io/port",
        "prometheus.io/path",
    },
    "requests": {"cpu", "memory"},
    "limits": {"cpu", "memory"},
    "attributes": {"type"},
}
"""What may stand where a schema allows any name. The first four are spelled as their projects
document them; a new one is looked up there before it is added here."""

TRACES = {"OTEL_EXPORTER_OTLP_ENDPOINT"}
"""OpenTelemetry's variables that the manifests set, as docs/operations.md spells them."""


class Unfit(Exception):
    """A document that its schema, or our list of free names, refuses."""


def check(document: Document) -> None:
    """Raises `Unfit`. Skips the test where the schemas are missing."""
    validator = _validator(document.get("apiVersion", ""), document.get("kind", ""))
    for error in validator.iter_errors(document):
        raise Unfit(f"{error.json_path}: {error.message}")
    _check_free_names(document)
    if document["kind"] == "ConfigMap":
        _refuse_others(document["data"], {option.env for option in options()} | TRACES)
    elif document["kind"] == "Service" and "serving" not in document["apiVersion"]:
        _refuse_others(document["spec"]["selector"], FREE["matchLabels"])


def _check_free_names(node: Any) -> None:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in FREE and isinstance(value, dict):
                _refuse_others(value, FREE[key])
            _check_free_names(value)
    elif isinstance(node, list):
        for each in node:
            _check_free_names(each)


def _refuse_others(names: dict[str, Any], known: set[str]) -> None:
    if others := names.keys() - known:
        raise Unfit(f"names that nobody knows: {sorted(others)}")


@cache
def _validator(api_version: str, kind: str) -> Validator:
    group, _, version = api_version.rpartition("/")
    if group.endswith("knative.dev"):
        schema = _knative(group, version, kind)
    else:
        schema = _built_in(group, version, kind)
    return Draft202012Validator(schema, registry=_definitions())


def _built_in(group: str, version: str, kind: str) -> Any:
    short = group.partition(".")[0]
    name = "-".join(part for part in (kind.lower(), short, version) if part)
    file = _kubernetes_folder() / f"{name}.json"
    if not file.is_file():
        raise Unfit(f"Kubernetes has no {kind} in {group or 'its core'}/{version}")
    return json.loads(file.read_text())


@cache
def _definitions() -> Registry[Any]:
    content = json.loads((_kubernetes_folder() / "_definitions.json").read_text())
    return Resource.from_contents(content) @ Registry()


def _kubernetes_folder() -> Any:
    pytest.importorskip("kubernetes_validate", reason="the package kubernetes-validate is missing")
    return files("kubernetes_validate") / "kubernetes-json-schema" / KUBERNETES


def _knative(group: str, version: str, kind: str) -> Any:
    if not CRDS.is_dir():
        pytest.skip("Knative's CRDs are not beside this repository (../shared/data/knative-crds)")
    for file in CRDS.glob("*.yaml"):
        for crd in yaml.safe_load_all(file.read_text()):
            spec = crd["spec"] if crd else {"group": None}
            if spec["group"] == group and spec["names"]["kind"] == kind:
                found = [each for each in spec["versions"] if each["name"] == version]
                if found:
                    return _closed_document(found[0]["schema"]["openAPIV3Schema"])
    raise Unfit(f"Knative has no {kind} in {group}/{version}")


def _closed_document(schema: Any) -> Any:
    """The CRD's schema closed, with what Kubernetes adds to every object."""
    closed = _closed(schema)
    properties = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": _reference(METADATA),
        "spec": closed["properties"]["spec"],
    }
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


def _closed(schema: Any) -> Any:
    """The same schema with every object closed whose fields are listed, also where the CRD says
    that others are kept (Triggers, deliveries, a Revision's metadata)."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "type" in schema:
        closed.setdefault("additionalProperties", False)
    if "emptyDir" in closed:
        closed["emptyDir"] = _reference(EMPTY_DIR)
    return closed


def _reference(name: str) -> Any:
    identity = json.loads((_kubernetes_folder() / "_definitions.json").read_text())["$id"]
    return {"$ref": f"{identity}#/$defs/{name}"}
