"""Renders the chart in `deploy/helm` without Helm."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from hub.version import VERSION

from .functions import functions
from .template import TemplateError, Templates
from .values import Values

CHART = Path(__file__).parents[2] / "deploy" / "helm"
Manifest = dict[str, Any]
_SINCE = {"policy/v1": 21, "batch/v1": 8, "networking.k8s.io/v1": 19, "monitoring.coreos.com/v1": 0}


class ChartError(Exception):
    """The chart cannot be rendered with these values; the message says which and why."""


def render(
    given: Mapping[str, object],
    *,
    release: str = "collegium",
    namespace: str = "collegium",
    kubernetes_minor: int = 30,
    with_secrets: bool = False,
    chart: Path = CHART,
) -> list[Manifest]:
    """Return the objects of an installation.

    Parameters
    ----------
    given
        Values that differ from the defaults.
    release
        Prefix of all names.
    namespace
        Where everything goes; it has to exist.
    kubernetes_minor
        Version of the cluster, 20 for 1.20 and so on.
    with_secrets
        Whether to make new secrets. Only for the first installation: new ones sign everybody out.
    chart
        The chart's folder.

    Raises
    ------
    ChartError
        A value is unknown or not allowed, or does not go with another.
    """
    try:
        values = json.loads(Values.model_validate(given).model_dump_json())
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))} = {e['input']!r}: {e['msg']}" for e in error.errors()]
        raise ChartError("\n".join(lines)) from error
    data = {
        "Values": values,
        "Release": {"Name": release, "Namespace": namespace, "Service": "Helm", "IsInstall": with_secrets},
        "Chart": {"Name": "collegium", "AppVersion": VERSION, "Version": VERSION},
    }
    known = frozenset(name for name, since in _SINCE.items() if kubernetes_minor >= since)
    templates = Templates(functions(known))
    folder = chart / "templates"
    if not folder.is_dir():
        raise ChartError(f"{chart} is not the chart; name its folder")
    files = sorted(folder.glob("*.yaml"))
    try:
        for path in [*folder.glob("*.tpl"), *files]:
            templates.add(path.name, path.read_text(encoding="utf-8"))
        return [manifest for path in files for manifest in _objects(path.name, templates.render(path.name, data))]
    except TemplateError as error:
        raise ChartError(str(error)) from error


def _objects(name: str, text: str) -> Iterator[Manifest]:
    try:
        for manifest in yaml.safe_load_all(text):
            if manifest:
                yield manifest
    except yaml.YAMLError as error:
        raise ChartError(f"{name}: what came out is not YAML: {error}") from error
