"""The OpenAPI 3.1 document of the operator API, made from the routes."""

from collections.abc import Sequence
from typing import Any

import msgspec

from functions.admin.route import Route

_REF = "#/components/schemas/{name}"
_OPERATOR_ONLY: list[dict[str, list[str]]] = [{"admin_token": []}]
_ANYBODY: list[dict[str, list[str]]] = [{"admin_token": []}, {"basic": []}, {"bearer": []}]


class Problem(msgspec.Struct, rename={"kind": "type"}):
    """RFC 9457. `type` ends in a stable word."""

    kind: str
    title: str
    status: int
    detail: str


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """The whole document."""
    models = {each for route in routes for each in (route.body, route.answer) if each is not None}
    ordered = sorted([*models, Problem], key=lambda each: each.__name__)
    _, schemas = msgspec.json.schema_components(ordered, ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ekiden: admin",
            "version": "1",
            "description": "Set up Domains, see what happened, decide what shall happen.",
        },
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _SCHEMES},
    }


_SCHEMES = {
    "admin_token": {"type": "apiKey", "in": "header", "name": "X-Ekiden-Admin-Token"},
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "User name: the Domain. Password: the API key.",
    },
    "bearer": {"type": "http", "scheme": "bearer", "description": "The API key."},
}


def _operation(route: Route) -> dict[str, Any]:
    success: dict[str, Any] = {"description": (route.answer and route.answer.__doc__) or "Done."}
    if route.answer is not None:
        success["content"] = _content(route.answer)
    problem = {"application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}}
    operation: dict[str, Any] = {
        "summary": route.summary,
        "description": f"Scope: {route.scope}.",
        "security": _OPERATOR_ONLY if route.scope == "operator" else _ANYBODY,
        "parameters": [*_of_path(route), *_of_query(route)],
        "responses": {
            str(route.status): success,
            "default": {"description": "What is wrong, and what to do.", "content": problem},
        },
    }
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(route.body)}
    return operation


def _content(model: type) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(name=model.__name__)}}}


def _of_path(route: Route) -> list[dict[str, Any]]:
    text = {"type": "string"}
    return [{"name": n, "in": "path", "required": True, "schema": text} for n in route.names]


def _of_query(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": each.name,
            "in": "query",
            "required": each.required,
            "schema": {"type": each.kind},
            "description": each.meaning,
        }
        for each in route.query
    ]
