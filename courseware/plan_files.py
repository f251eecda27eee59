"""Plans and outcomes as text, for executors that run elsewhere."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from nbformat import from_dict

from courseware.execution import CellOutcome, Plan, PlannedCell
from courseware.guard import GuardContext


def plan_to_bytes(plan: Plan) -> bytes:
    """Return a plan, compressed; the same plan gives the same bytes."""
    content = {
        "kernel_name": plan.kernel_name,
        "seed": plan.seed,
        "files": {path: base64.b64encode(content).decode() for path, content in plan.files.items()},
        "cells": [
            {
                "source": cell.source,
                "is_test": cell.is_test,
                "defined": sorted(cell.context.defined),
                "helpers": list(cell.context.helpers),
                "imports": [list(pair) for pair in cell.context.imports],
                "shared": None if cell.context.shared is None else list(cell.context.shared),
            }
            for cell in plan.cells
        ],
    }
    return zlib.compress(json.dumps(content, sort_keys=True).encode(), 6)


def plan_from_bytes(content: bytes) -> Plan:
    """Read what `plan_to_bytes` has written."""
    found = json.loads(zlib.decompress(content))
    cells = [PlannedCell(cell["source"], cell["is_test"], _context(cell)) for cell in found["cells"]]
    files = {path: base64.b64decode(text) for path, text in found["files"].items()}
    return Plan(cells, found["kernel_name"], files, found["seed"])


def _context(cell: Mapping[str, Any]) -> GuardContext:
    shared = cell["shared"]
    imports = tuple((name, statement) for name, statement in cell["imports"])
    return GuardContext(
        frozenset(cell["defined"]), tuple(cell["helpers"]), imports, None if shared is None else tuple(shared)
    )


def outcomes_to_text(outcomes: Sequence[CellOutcome]) -> str:
    """Return outcomes as one line of text."""
    content = [{"outputs": list(o.outputs), "failure": o.failure, "suspicion": o.suspicion} for o in outcomes]
    return base64.b64encode(zlib.compress(json.dumps(content).encode(), 6)).decode()


def outcomes_from_text(text: str) -> list[CellOutcome]:
    """Read what `outcomes_to_text` has written; raises `ValueError` when it is something else."""
    try:
        found = json.loads(zlib.decompress(base64.b64decode(text)))
    except (ValueError, zlib.error) as error:
        raise ValueError(f"these are no outcomes: {error}") from error
    return [
        CellOutcome(
            tuple(from_dict(output) for output in outcome["outputs"]),  # type: ignore[no-untyped-call]
            outcome["failure"],
            outcome["suspicion"],
        )
        for outcome in found
    ]
