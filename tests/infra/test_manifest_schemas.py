"""Every document is what Kubernetes and Knative say it may be, and a typo in any field is seen."""

import copy
import os
from random import Random
from secrets import randbits
from typing import Any

import pytest
from closed_schemas import Unfit, check
from manifests import ROOT, Deployment, Document, deployments, in_folder, keys_in, sources

MUTATIONS = 300


def _title(document: Document) -> str:
    return f"{document['kind']}-{document['metadata']['name']}"


@pytest.mark.parametrize("document", sources(), ids=_title)
def test_a_document_fits_its_schema(document: Document) -> None:
    check(document)


@pytest.mark.parametrize("deployment", deployments(), ids=str)
def test_what_is_applied_fits_its_schemas(deployment: Deployment) -> None:
    for document in deployment.documents:
        check(document)


def test_the_pod_beside_openfaas_fits_its_schemas() -> None:
    for document in in_folder(ROOT / "infra" / "openfaas" / "pod"):
        check(document)


def test_a_typo_in_any_field_is_found() -> None:
    seed = int(os.environ.get("EKIDEN_TEST_SEED", 0)) or randbits(32)
    print(f"EKIDEN_TEST_SEED={seed}")
    random = Random(seed)
    documents = [each for deployment in deployments() for each in deployment.documents]
    for _ in range(MUTATIONS):
        document = copy.deepcopy(random.choice(documents))
        path = random.choice(list(keys_in(document)))
        typo = _misspell(document, path, random)
        assert _is_refused(document), f"{_title(document)}: {path} as {typo!r} was not found"


def _is_refused(document: Document) -> bool:
    try:
        check(document)
    except Unfit:
        return True
    return False


def _misspell(document: Document, path: tuple[Any, ...], random: Random) -> str:
    """Rename the key at `path` by one letter; return the new name."""
    *parents, key = path
    place: Any = document
    for each in parents:
        place = place[each]
    position = random.randrange(len(key))
    other = random.choice([letter for letter in "abcdeXYZ" if letter != key[position]])
    typo = random.choice(
        [
            key[:position] + key[position + 1 :],
            key[:position] + other + key[position:],
            key[:position] + other + key[position + 1 :],
        ]
    )
    place[typo] = place.pop(key)
    return typo


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ({}, "Kubernetes has no"),
        ({"apiVersion": "apps/v9", "kind": "Deployment"}, "Kubernetes has no Deployment"),
        ({"apiVersion": "serving.knative.dev/v1", "kind": "Srevice"}, "Knative has no Srevice"),
        ({"apiVersion": "v1", "kind": "ConfigMap", "data": {"EKIDEN_X": "1"}}, "EKIDEN_X"),
    ],
)
def test_the_check_refuses_what_it_does_not_know(document: Document, complaint: str) -> None:
    with pytest.raises(Unfit, match=complaint):
        check(document)
