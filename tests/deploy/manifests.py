"""Checks manifests against the OpenAPI of Kubernetes 1.20 and against the models of a current client library."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import kubernetes.client.models as models

OLD = json.loads((Path(__file__).parent / "openapi-1.20.json").read_text())
Found = dict[str, Any]
_KINDS = {"string": str, "integer": int, "boolean": bool, "number": (int, float)}


def faults_in_1_20(manifest: Found) -> list[str]:
    """What Kubernetes 1.20 would not understand."""
    kind = f"{manifest['apiVersion']}/{manifest['kind']}"
    if kind not in OLD["kinds"]:
        return [f"{kind} is not known"]
    return _faults(manifest, {"$ref": f"#/definitions/{OLD['kinds'][kind]}"}, manifest["kind"])


def _faults(value: Any, schema: Found, where: str) -> list[str]:
    if "$ref" in schema:
        schema = OLD["definitions"][schema["$ref"].rpartition("/")[2]]
    if schema.get("format") == "int-or-string" or "type" not in schema:
        return []
    kind = schema["type"]
    if kind == "array":
        if not isinstance(value, list):
            return [f"{where} is no list"]
        return [f for i, item in enumerate(value) for f in _faults(item, schema["items"], f"{where}[{i}]")]
    if kind == "object":
        return _object_faults(value, schema, where)
    if not isinstance(value, _KINDS[kind]) or (kind == "integer" and isinstance(value, bool)):
        return [f"{where} = {value!r} is no {kind}"]
    return []


def _object_faults(value: Any, schema: Found, where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where} is no object"]
    properties, others = schema.get("properties"), schema.get("additionalProperties")
    if properties is None:
        return [f for k, v in value.items() if others for f in _faults(v, others, f"{where}.{k}")]
    faults = [f"{where}.{name} is missing" for name in schema.get("required", ()) if name not in value]
    for name, inner in value.items():
        if name not in properties:
            faults.append(f"{where}.{name} is not known")
        else:
            faults += _faults(inner, properties[name], f"{where}.{name}")
    return faults


def faults_today(manifest: Found) -> list[str]:
    """What a current release would not understand, by the models of the official client library."""
    group, _, version = manifest["apiVersion"].rpartition("/")
    name = f"{version.title() if version != 'v1' else 'V1'}{manifest['kind']}"
    model = getattr(models, name, None)
    if model is None:
        return [f"{group}/{version} {manifest['kind']} is not known"]
    return _model_faults(manifest, model, manifest["kind"])


def _model_faults(value: Any, model: Any, where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where} is no object"]
    names = {json_name: attribute for attribute, json_name in model.attribute_map.items()}
    faults = []
    for name, inner in value.items():
        if name not in names:
            faults.append(f"{where}.{name} is not known")
        else:
            faults += _typed_faults(inner, model.openapi_types[names[name]], f"{where}.{name}")
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    return faults + [f"{where}.{n} is missing" for n in required if model.attribute_map.get(n, n) not in value]


def _typed_faults(value: Any, kind: str, where: str) -> list[str]:
    if match := re.fullmatch(r"list\[(.+)\]", kind):
        if not isinstance(value, list):
            return [f"{where} is no list"]
        return [f for i, item in enumerate(value) for f in _typed_faults(item, match[1], f"{where}[{i}]")]
    if match := re.fullmatch(r"dict\(str, (.+)\)|dict\[str, (.+)\]", kind):
        if not isinstance(value, dict):
            return [f"{where} is no map"]
        inner = match[1] or match[2]
        return [f for k, v in value.items() for f in _typed_faults(v, inner, f"{where}.{k}")]
    simple = {"str": str, "int": int, "bool": bool, "float": (int, float)}
    if kind in simple:
        wrong = not isinstance(value, simple[kind]) or (kind == "int" and isinstance(value, bool))
        return [f"{where} = {value!r} is no {kind}"] if wrong else []
    model = getattr(models, kind, None)
    return _model_faults(value, model, where) if model is not None else []
