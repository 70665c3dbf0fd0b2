"""The OpenAPI 3.1 document, generated from the model; a test holds docs/openapi.json to it."""

from typing import Any

import msgspec

from shared.model import Accepted, BatchRequest, MessageRequest
from shared.readback import BatchList, BatchStatus, DeliveryHistory, DeliveryPage


class Problem(msgspec.Struct, rename={"kind": "type"}):
    """RFC 9457. `type` ends in a stable word."""

    kind: str
    title: str
    status: int
    detail: str


_MODELS = [
    BatchRequest,
    MessageRequest,
    Accepted,
    BatchStatus,
    BatchList,
    DeliveryPage,
    DeliveryHistory,
    Problem,
]
_REF = "#/components/schemas/{name}"

_WAIT = {
    "name": "Prefer",
    "in": "header",
    "schema": {"type": "string"},
    "description": "`wait=N`: answer after at most N seconds (55 at most), or at the news.",
}
_ETAG = {
    "name": "If-None-Match",
    "in": "header",
    "schema": {"type": "string"},
    "description": "With `Prefer: wait=N`: wait until the ETag is another one.",
}
_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "maxLength": 255},
    "description": "The same call sent twice within 24 hours becomes one Batch.",
}


def _path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query(name: str, kind: str, description: str, *, required: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": required,
        "schema": {"type": kind},
        "description": description,
    }


_PAGE = [
    _query("after", "string", "What the page before gave as `next`."),
    _query("limit", "integer", "1 to 1000; 100 unless told."),
]


def _content(model: type) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(name=model.__name__)}}}


def _operation(
    summary: str,
    status: int,
    answer: type,
    body: type | None = None,
    parameters: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}}
    operation: dict[str, Any] = {
        "summary": summary,
        "parameters": parameters or [],
        "responses": {
            str(status): {"description": answer.__doc__ or "", "content": _content(answer)},
            "default": {"description": "What is wrong, and what to do.", "content": problem},
        },
    }
    if body is not None:
        operation["requestBody"] = {"required": True, "content": _content(body)}
    return operation


def _paths() -> dict[str, Any]:
    message = _operation(
        "Send a ready-made RFC 5322 message", 202, Accepted, MessageRequest, [_IDEMPOTENCY]
    )
    message["parameters"].append(
        _query("to", "string", "A Recipient of a message/rfc822 body; may be repeated.")
    )
    message["requestBody"]["content"]["message/rfc822"] = {"schema": {"type": "string"}}
    return {
        "/v1/batches": {
            "post": _operation(
                "Send one content to N Recipients", 202, Accepted, BatchRequest, [_IDEMPOTENCY]
            ),
            "get": _operation(
                "Find Batches by a tag",
                200,
                BatchList,
                parameters=[_query("tag", "string", "The tag.", required=True), *_PAGE],
            ),
        },
        "/v1/messages": {"post": message},
        "/v1/batches/{batch}": {
            "get": _operation(
                "See how far a Batch is", 200, BatchStatus, None, [_path("batch"), _WAIT, _ETAG]
            )
        },
        "/v1/batches/{batch}/cancel": {
            "post": _operation(
                "Take back what is not transmitted", 202, BatchStatus, None, [_path("batch")]
            )
        },
        "/v1/batches/{batch}/deliveries": {
            "get": _operation(
                "List a Batch's Deliveries",
                200,
                DeliveryPage,
                parameters=[_path("batch"), _query("outcome", "string", "Only these."), *_PAGE],
            )
        },
        "/v1/deliveries/{delivery}": {
            "get": _operation(
                "See one Delivery's history",
                200,
                DeliveryHistory,
                None,
                [_path("delivery"), _WAIT, _ETAG],
            )
        },
    }


def document() -> dict[str, Any]:
    """The whole document."""
    _, schemas = msgspec.json.schema_components(_MODELS, ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ekiden: submit",
            "version": "1",
            "description": "Send mail, and see what became of it.",
        },
        "security": [{"basic": []}, {"bearer": []}],
        "paths": _paths(),
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "User name: the Domain. Password: the API key.",
                },
                "bearer": {"type": "http", "scheme": "bearer", "description": "The API key."},
            },
        },
    }
