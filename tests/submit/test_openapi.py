"""The OpenAPI document is generated from the model, complete, and the one in docs/."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from desk import BATCH, Desk
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from functions.submit.openapi import document
from functions.submit.routes import _ROUTES

PAGE = Path(__file__).parents[2] / "docs" / "openapi.json"
GENERATE = (
    'python -c "import json; from functions.submit.openapi import document; '
    'print(json.dumps(document(), indent=2, ensure_ascii=False))" > docs/openapi.json'
)


def test_the_document_is_sound_openapi() -> None:
    validate(document())


def test_the_document_in_docs_is_the_generated_one() -> None:
    written = PAGE.read_text("utf-8") if PAGE.exists() else ""
    generated = json.dumps(document(), indent=2, ensure_ascii=False) + "\n"
    assert written == generated, f"docs/openapi.json is not what the code says. Run: {GENERATE}"


def test_every_route_is_in_the_document_and_every_path_of_it_has_a_route() -> None:
    described = {
        (path, method.upper())
        for path, operations in document()["paths"].items()
        for method in operations
    }
    for pattern, methods in _ROUTES:
        for method in methods:
            fitting = [
                path
                for path, described_method in described
                if described_method == method and _path_fits(pattern, path)
            ]
            assert len(fitting) == 1, (
                f"{method} {pattern.pattern} is described {len(fitting)} times"
            )
    for path, method in described:
        assert any(
            method in methods and _path_fits(pattern, path) for pattern, methods in _ROUTES
        ), f"{method} {path} is described, and nothing answers it"


def _path_fits(pattern: re.Pattern[str], path: str) -> bool:
    match = pattern.fullmatch(path)
    return match is not None and match.groups() == tuple(re.findall(r"\{\w+\}", path))


def test_the_document_is_served_to_anybody() -> None:
    answer = Desk().call("GET", "/openapi.json", authorization="")
    assert (answer.status, answer.json) == (200, document())


def fits(value: Any, name: str) -> None:
    """Raise unless the value fits the document's schema of this name."""
    whole = Resource.from_contents(document(), default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("urn:ekiden", whole)
    schema = {"$ref": f"urn:ekiden#/components/schemas/{name}"}
    OAS31Validator(schema, registry=registry).validate(value)


def test_what_apps_get_is_what_the_document_says() -> None:
    desk = Desk()
    rows = [*BATCH["recipients"], {"email": "nobody"}]
    accepted = desk.submit({**BATCH, "recipients": rows, "tags": ["spring"]})
    batch = accepted.json["batch"]
    desk.validate()
    fits(accepted.json, "Accepted")
    fits(desk.call("GET", f"/v1/batches/{batch}").json, "BatchStatus")
    fits(desk.call("GET", "/v1/batches?tag=spring").json, "BatchList")
    fits(desk.call("GET", f"/v1/batches/{batch}/deliveries").json, "DeliveryPage")
    fits(desk.call("GET", f"/v1/deliveries/{batch}.0000.0000").json, "DeliveryHistory")
    fits(desk.call("POST", f"/v1/batches/{batch}/cancel").json, "BatchStatus")
    fits(desk.submit({**BATCH, "recipients": []}).json, "Problem")


@pytest.mark.parametrize("body", [BATCH, {**BATCH, "headers": {"to": ["a@b.example"]}}])
def test_what_is_accepted_fits_the_document(body: Any) -> None:
    fits(body, "BatchRequest")
    assert Desk().submit(body).status == 202


@pytest.mark.parametrize("change", [{"colour": "red"}, {"subject": 1}, {"recipients": {}}])
def test_what_does_not_fit_the_document_is_refused(change: Any) -> None:
    with pytest.raises(Exception, match=r"."):
        fits({**BATCH, **change}, "BatchRequest")
    assert Desk().submit({**BATCH, **change}).status == 422
