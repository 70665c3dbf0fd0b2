"""The manifests as they are applied, and the parts of them that tests ask for."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain, combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
import yaml

from shared import keys

ROOT = Path(__file__).parents[2]
KNATIVE = ROOT / "infra" / "knative"
OVERLAYS = ("webhook", "broker", "aws", "seaweedfs")
FUNCTIONS = (
    *("submit", "validate", "dispatch", "send", "bounce", "notify"),
    *("track", "admin", "sweep"),
)
"""All that are deployed. A new one is added here, and the tests say where it is missing."""
OUTSIDE = ("submit", "track")
"""Those that are reached from outside the cluster."""
STAGES = {stage: prefix for prefix, stage in keys.WORK.items() if stage in FUNCTIONS}
"""Those that the bucket's events wake → the prefix of their work."""
NO_EVENTS = ("track", "admin")
"""Those that take requests alone, and no events."""
COMPONENTS = ("feed-from-pod", "webhook-to-pod", "send-from-pod", "traces")
"""What may be added to an overlay, in the order in which it has to be named."""

Document = dict[str, Any]


class Deployment(NamedTuple):
    """An overlay, and what is added to it."""

    overlay: str
    added: tuple[str, ...] = ()

    @property
    def documents(self) -> list[Document]:
        return rendered(self.overlay, *self.added)

    @property
    def components(self) -> frozenset[str]:
        """The overlay's own, too."""
        return _own_components(self.overlay) | frozenset(self.added)

    @property
    def functions(self) -> set[str]:
        return set(FUNCTIONS) - ({"send", "bounce"} & self.done_by_pod)

    @property
    def done_by_pod(self) -> set[str]:
        return {"send", "bounce"} if "send-from-pod" in self.components else set()

    def __str__(self) -> str:
        return "+".join((self.overlay, *self.added))


def deployments() -> list[Deployment]:
    """Every overlay with every set of components that may be added to it."""
    found = []
    for overlay in OVERLAYS:
        own = _own_components(overlay)
        free = [each for each in COMPONENTS if each not in own]
        sets = chain.from_iterable(combinations(free, size) for size in range(len(free) + 1))
        for added in sets:
            has = own | {*added}
            if "webhook-to-pod" not in has or "feed-from-pod" in has:
                found.append(Deployment(overlay, added))
    return found


@cache
def _own_components(overlay: str) -> frozenset[str]:
    text = (KNATIVE / "overlays" / overlay / "kustomization.yaml").read_text()
    return frozenset(Path(each).name for each in yaml.safe_load(text).get("components", []))


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
def rendered(overlay: str, *components: str) -> list[Document]:
    """What `kubectl apply -k` would send. Skips the test where kubectl is missing."""
    return with_options(overlay, components, {}) if components else in_folder(_folder(overlay))


def with_options(
    overlay: str, components: Sequence[str], options: dict[str, dict[str, str]]
) -> list[Document]:
    """An overlay of one's own over one of these, as README.md tells: with components, and with
    options for its ConfigMaps (name → options)."""
    generators = [
        {
            "name": name,
            "behavior": "merge",
            "literals": [f"{key}={value}" for key, value in given.items()],
        }
        for name, given in options.items()
    ]
    own = {
        "resources": [f"../knative/overlays/{overlay}"],
        "components": [f"../knative/components/{each}" for each in components],
        "configMapGenerator": generators,
    }
    with TemporaryDirectory() as place:
        shutil.copytree(KNATIVE, Path(place, "knative"))
        folder = Path(place, "own")
        folder.mkdir()
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(own))
        return in_folder(folder)


def _folder(overlay: str) -> Path:
    return KNATIVE / "overlays" / overlay


def in_folder(folder: Path) -> list[Document]:
    if not shutil.which("kubectl"):
        pytest.skip("no kubectl: the overlays cannot be rendered")
    done = subprocess.run(
        ["kubectl", "kustomize", folder], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return _documents(done.stdout)


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


def secrets_of(template: Document) -> set[str]:
    """The Secrets that a template's container has variables from."""
    sources = template["spec"]["containers"][0].get("envFrom", [])
    return {each["secretRef"]["name"] for each in sources if "secretRef" in each}


def may_reach(documents: list[Document], template: Document, namespace: str) -> set[int]:
    """The ports in a namespace to which the policies let a template's pods speak."""
    found: set[int] = set()
    for policy in of_kind(documents, "NetworkPolicy").values():
        if _chooses(policy["spec"]["podSelector"], template["metadata"]["labels"]):
            for rule in policy["spec"].get("egress", []):
                if any(_is_namespace(peer, namespace) for peer in rule.get("to", [])):
                    found |= {each["port"] for each in rule["ports"]}
    return found


def reached_from(documents: list[Document], template: Document, namespace: str) -> set[int]:
    """The ports of a template's pods that the policies open to a namespace, not to everybody."""
    found: set[int] = set()
    for policy in of_kind(documents, "NetworkPolicy").values():
        if _chooses(policy["spec"]["podSelector"], template["metadata"]["labels"]):
            for rule in policy["spec"].get("ingress", []):
                if any(_is_namespace(peer, namespace) for peer in rule.get("from", [])):
                    found |= {each["port"] for each in rule["ports"]}
    return found


def _is_namespace(peer: Document, namespace: str) -> bool:
    labels = {"kubernetes.io/metadata.name": namespace}
    return _chooses(peer.get("namespaceSelector", {"matchLabels": {"": ""}}), labels)


def _chooses(selector: Document, labels: dict[str, str]) -> bool:
    """Whether a label selector fits (Kubernetes: all that it says has to hold)."""
    operators = {
        "In": lambda key, values: labels.get(key) in values,
        "NotIn": lambda key, values: labels.get(key) not in values,
        "Exists": lambda key, values: key in labels,
    }
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        operators[each["operator"]](each["key"], each.get("values", []))
        for each in selector.get("matchExpressions", [])
    )


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
