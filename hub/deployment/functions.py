"""The functions of Sprig and Helm that the chart's templates call."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import string
from collections.abc import Mapping

import yaml

from .template import Function, TemplateError, Value, is_true


def functions(api_versions: frozenset[str]) -> Mapping[str, Function]:
    """Return the functions by name.

    Parameters
    ----------
    api_versions
        What the cluster knows, such as `policy/v1`.
    """
    return {
        "toYaml": _to_yaml,
        "toJson": _to_json,
        "indent": _indent,
        "nindent": lambda spaces, text: "\n" + _indent(spaces, text),
        "quote": lambda value: json.dumps(_text(value), ensure_ascii=False),
        "default": lambda fallback, value=None: value if is_true(value) else fallback,
        "eq": lambda first, *others: any(first == other for other in others),
        "ne": lambda first, second: first != second,
        "gt": lambda first, second: first > second,
        "not": lambda value: not is_true(value),
        "and": _and,
        "or": _or,
        "printf": _printf,
        "required": _required,
        "fail": _fail,
        "list": lambda *values: list(values),
        "dict": _dict,
        "merge": lambda first, *others: _merge(first, others),
        "hasKey": lambda mapping, key: key in mapping,
        "b64enc": lambda text: base64.b64encode(str(text).encode()).decode(),
        "b64dec": lambda text: base64.b64decode(str(text)).decode(),
        "sha256sum": lambda text: hashlib.sha256(str(text).encode()).hexdigest(),
        "lookup": lambda *_where: {},
        "randAlphaNum": _random,
        "int": lambda value: int(value),
        "index": _index,
        "trunc": lambda length, text: str(text)[:length],
        "replace": lambda old, new, text: str(text).replace(old, new),
        "hasApi": lambda version: version in api_versions,
    }


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _to_json(value: Value) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&":  # as Go writes them
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _to_yaml(value: Value) -> str:
    return yaml.safe_dump(value, sort_keys=True, allow_unicode=True, width=1000).removesuffix("\n...\n").rstrip("\n")


def _indent(spaces: int, text: str) -> str:
    return "\n".join(" " * spaces + line for line in str(text).split("\n"))


def _and(*values: Value) -> Value:
    return next((value for value in values if not is_true(value)), values[-1])


def _or(*values: Value) -> Value:
    return next((value for value in values if is_true(value)), values[-1])


def _printf(pattern: str, *values: Value) -> str:
    return str(pattern).replace("%v", "%s") % tuple(values)


def _required(message: str, value: Value) -> Value:
    if value is None or value == "":
        raise TemplateError(str(message))
    return value


def _fail(message: str) -> Value:
    raise TemplateError(str(message))


def _dict(*pairs: Value) -> dict[str, Value]:
    return {str(key): value for key, value in zip(pairs[::2], pairs[1::2], strict=True)}


def _merge(first: Value, others: tuple[Value, ...]) -> Value:
    assert isinstance(first, dict)
    merged = dict(first)
    for other in others:
        assert isinstance(other, dict)
        for key, value in other.items():
            merged.setdefault(key, value)
    return merged


def _random(length: int) -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))


def _index(value: Value, *keys: Value) -> Value:
    for key in keys:
        value = value.get(str(key)) if isinstance(value, dict) else value[int(str(key))]  # type: ignore[index]
    return value
