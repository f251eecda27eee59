"""Makes `values.yaml` and `values.schema.json` of the typed values: `python -m hub.deployment.documents`."""

from __future__ import annotations

import json
import textwrap

import yaml
from pydantic import BaseModel

from .chart import CHART
from .values import Values

WIDTH = 116


def values_yaml() -> str:
    """Every value with its default and what it means."""
    return "# Made by `python -m hub.deployment.documents`; change hub/deployment/values.py instead.\n" + _section(
        Values(), 0
    )


def schema_json() -> str:
    """What Helm checks an operator's values against."""
    return json.dumps(Values.model_json_schema(), indent=1) + "\n"


def _section(model: BaseModel, depth: int) -> str:
    lines = []
    pad = "  " * depth
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        text = " ".join((field.description or "").split())
        if isinstance(value, BaseModel):
            text = " ".join((type(value).__doc__ or text).split())
        lines += [f"{pad}# {line}" for line in textwrap.wrap(text, WIDTH - len(pad))]
        if isinstance(value, BaseModel):
            lines += [f"{pad}{name}:", _section(value, depth + 1).rstrip("\n")]
        else:
            lines += [pad + line for line in yaml.safe_dump({name: value}, sort_keys=False).rstrip("\n").split("\n")]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write both files."""
    (CHART / "values.yaml").write_text(values_yaml(), encoding="utf-8")
    (CHART / "values.schema.json").write_text(schema_json(), encoding="utf-8")


if __name__ == "__main__":
    main()
