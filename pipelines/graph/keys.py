"""The key of an item: equal keys mean that an earlier result may be reused; pure functions."""

from __future__ import annotations

import hashlib
import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

_FORMAT = 1
_MOST_KEYS = 8


@dataclass(frozen=True, slots=True)
class FileReference:
    """A file, or the folder of all files, that a step has written: later steps get its path, keys its content.

    Attributes
    ----------
    path
        Where it lies; read-only.
    digest
        SHA-256 of its content, or of the names and contents in the folder, in hexadecimal.
    """

    path: Path
    digest: str

    def __str__(self) -> str:
        return str(self.path)


def key_parts(
    notebook: NotebookNode,
    parameters: Mapping[str, Any],
    upstream: Mapping[str, Sequence[str]],
    inputs: Mapping[str, str],
    environment: Mapping[str, str],
    kernel: str | None,
) -> dict[str, Any]:
    """Everything that may change the result of an item, as JSON can spell it.

    Parameters
    ----------
    notebook
        Its code cells and their tags count; text, outputs and metadata do not.
    parameters
        Values, `FileReference`s among them.
    upstream
        Keys of the items of each step that this one depends on.
    inputs
        Declared files: name to SHA-256.
    environment
        Declared variables. Secrets are left out, so that a renewed key does not run everything again.
    kernel
        Kernelspec that the step asks for.
    """
    cells = [
        [cell.source, sorted(cell.metadata.get("tags", []))] for cell in notebook.cells if cell.cell_type == "code"
    ]
    spec = kernel or notebook.metadata.get("kernelspec", {}).get("name") or "python3"
    return {
        "format": _FORMAT,
        "code": digest_of(cells),
        "cells": [digest_of(cell)[:16] for cell in cells],
        "parameters": {name: canonical(value) for name, value in parameters.items()},
        "upstream": {name: list(keys) for name, keys in upstream.items()},
        "inputs": dict(inputs),
        "environment": dict(environment),
        "kernel": spec,
        "python": platform.python_version(),
    }


def key_of(parts: Mapping[str, Any]) -> str:
    """SHA-256 of the parts, in hexadecimal."""
    return digest_of({name: value for name, value in parts.items() if name != "cells"})


def explain_miss(parts: Mapping[str, Any], earlier: Mapping[str, Any] | None) -> str:
    """Say why an item runs, by comparison with the parts of its last result; `None` for no earlier result."""
    if earlier is None:
        return "ran because it has not run before"
    reasons: list[str] = []
    if parts["code"] != earlier["code"]:
        reasons.append(_code_change(parts["cells"], earlier["cells"]))
    for group, what in (("parameters", "parameter"), ("inputs", "input file"), ("environment", "variable")):
        reasons += _changes(what, parts[group], earlier[group], show=group == "parameters")
    changed = [name for name, keys in parts["upstream"].items() if keys != earlier["upstream"].get(name)]
    reasons += [f"step {name} has a new result" for name in changed]
    for name in ("kernel", "python"):
        if parts[name] != earlier[name]:
            reasons.append(f"{name} changed from {earlier[name]} to {parts[name]}")
    if not reasons:
        return "ran because its earlier result is gone"
    return "ran because " + "; ".join(reasons)


def canonical(value: Any) -> Any:
    """A value as JSON can spell it, the same for equal values; a file is its content."""
    if isinstance(value, FileReference):
        return {"file": value.path.name, "sha256": value.digest}
    if isinstance(value, Mapping):
        return {str(name): canonical(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def digest_of(value: Any) -> str:
    """SHA-256 of a value that JSON can spell, in hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def short_keys(keys: Sequence[str]) -> list[str]:
    """Keys of a step's items as they enter the keys of the next step; of many, one stands for all."""
    return list(keys) if len(keys) <= _MOST_KEYS else [digest_of(list(keys))]


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _code_change(new: Sequence[str], old: Sequence[str]) -> str:
    if len(new) != len(old):
        return f"the notebook has {len(new)} code cells instead of {len(old)}"
    changed = [str(position + 1) for position, (a, b) in enumerate(zip(new, old, strict=True)) if a != b]
    return f"code cell {', '.join(changed)} changed"


def _changes(what: str, new: Mapping[str, Any], old: Mapping[str, Any], *, show: bool) -> list[str]:
    reasons = []
    for name in sorted(set(new) | set(old)):
        if name not in old:
            reasons.append(f"{what} {name} is new")
        elif name not in new:
            reasons.append(f"{what} {name} is gone")
        elif new[name] != old[name]:
            texts = json.dumps(old[name]), json.dumps(new[name])
            shown = f" ({texts[0]} → {texts[1]})" if show and sum(map(len, texts)) < 60 else ""
            reasons.append(f"{what} {name} changed{shown}")
    return reasons
