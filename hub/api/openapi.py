"""The OpenAPI 3.1 document of the HTTP API, made from the declared operations."""

from __future__ import annotations

import inspect
import re
from typing import cast

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from hub.api.operation import OPERATIONS, Audience, Operation
from hub.api.schemas import Problem

REF = "#/components/schemas/{model}"
JsonObject = dict[str, object]
DESCRIPTION = """The platform service's HTTP API.

Send a personal access token as `Authorization: Bearer …`; `x-scope` names the scope that it needs. Lists are paged by
`cursor` and `limit`. Whatever is refused is answered with problem details (RFC 9457). `RateLimit-Limit`,
`RateLimit-Remaining` and `RateLimit-Reset` tell how many requests may follow; too many are answered with 429 and
`Retry-After`. Single things carry an `ETag`."""


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
    schemas = definitions["$defs"]
    paths: dict[str, JsonObject] = {}
    for op in OPERATIONS:
        paths.setdefault(op.path, {})[op.method.lower()] = _operation(op, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Collegium", "version": version, "description": DESCRIPTION},
        "servers": [{"url": base_path}],
        "security": [{"session": []}, {"token": []}],
        "tags": [{"name": tag} for tag in sorted({op.tag for op in OPERATIONS})],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "service-collegium"},
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _operation(op: Operation, schemas: dict[str, object]) -> JsonObject:
    out: JsonObject = {
        "operationId": op.operation_id,
        "summary": op.summary,
        "description": inspect.getdoc(op.handler) or "",
        "tags": [op.tag],
        "x-audience": op.audience.value,
        "responses": _responses(op),
    }
    if op.audience in (Audience.USER, Audience.ADMIN) and op.scope is not None:
        out["x-scope"] = op.scope.value
    if parameters := _parameters(op, schemas):
        out["parameters"] = parameters
    if op.audience is Audience.ANYONE:
        out["security"] = []
    elif op.is_personal:
        out["security"] = [{"session": []}]
    if op.body is not None:
        out["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(op.body)}}}
    elif op.accepts:
        out["requestBody"] = {"required": True, "content": {media_type: {} for media_type in op.accepts}}
    return out


def _parameters(op: Operation, schemas: dict[str, object]) -> list[JsonObject]:
    parameters: list[JsonObject] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", op.path)
    ]
    if op.query is not None:
        schema = op.query.model_json_schema(ref_template=REF)
        schemas.update(schema.get("$defs", {}))
        required = schema.get("required", ())
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": prop}
            for name, prop in schema.get("properties", {}).items()
        ]
    if op.creates:
        parameters.append(_header("Idempotency-Key", "A repetition with the same key within a day makes nothing new."))
    if op.method == "PATCH":
        parameters.append(_header("If-Match", "The ETag that the thing had; refused with 412 when it was changed."))
    return parameters


def _header(name: str, description: str) -> JsonObject:
    schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[!-~]+$"}
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


def _responses(op: Operation) -> JsonObject:
    success: JsonObject = {"description": op.summary}
    if op.response is not None:
        success["content"] = {op.media_type: {"schema": _ref(op.response)}}
    elif op.media_type != "application/json":
        success["content"] = {op.media_type: {}}
    problem = {
        "description": "What was wrong, as RFC 9457 problem details",
        "content": {"application/problem+json": {"schema": _ref(Problem)}},
    }
    return cast(JsonObject, {str(op.status): success, "default": problem})


def _ref(model: type[BaseModel]) -> JsonObject:
    return {"$ref": REF.format(model=model.__name__)}
