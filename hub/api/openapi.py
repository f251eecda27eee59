"""The OpenAPI 3.1 document of the HTTP API, made from the declared operations."""

from __future__ import annotations

import re
from typing import cast

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from hub.api.operation import OPERATIONS, Audience, Operation
from hub.api.schemas import Problem

REF = "#/components/schemas/{model}"
JsonObject = dict[str, object]


def document(version: str, base_path: str) -> JsonObject:
    """Return the OpenAPI document.

    Parameters
    ----------
    version
        Version of the distribution.
    base_path
        Path under which the operations are served.
    """
    models: list[type[BaseModel]] = [Problem]
    for op in OPERATIONS:
        models += [m for m in (op.body, op.response) if m is not None and m not in models]
    _, definitions = models_json_schema([(m, "serialization") for m in models], ref_template=REF)
    paths: dict[str, JsonObject] = {}
    for op in OPERATIONS:
        paths.setdefault(op.path, {})[op.method.lower()] = _operation(op)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Collegium", "version": version, "description": "The platform service's HTTP API."},
        "servers": [{"url": base_path}],
        "security": [{"session": []}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "service-collegium"},
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _operation(op: Operation) -> JsonObject:
    parameters: list[JsonObject] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", op.path)
    ]
    if op.query is not None:
        schema = op.query.model_json_schema()
        for name, prop in schema.get("properties", {}).items():
            parameters.append(
                {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": prop}
            )
    out: JsonObject = {
        "operationId": op.operation_id,
        "summary": op.summary,
        "tags": [op.tag],
        "x-audience": op.audience.value,
        "responses": _responses(op),
    }
    if parameters:
        out["parameters"] = parameters
    if op.audience is Audience.ANYONE:
        out["security"] = []
    if op.body is not None:
        out["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(op.body)}}}
    return out


def _responses(op: Operation) -> JsonObject:
    success: JsonObject = {"description": op.summary}
    if op.response is not None:
        success["content"] = {op.media_type: {"schema": _ref(op.response)}}
    problem = {
        "description": "What was wrong, as RFC 9457 problem details",
        "content": {"application/problem+json": {"schema": _ref(Problem)}},
    }
    return cast(JsonObject, {str(op.status): success, "default": problem})


def _ref(model: type[BaseModel]) -> JsonObject:
    return {"$ref": REF.format(model=model.__name__)}
