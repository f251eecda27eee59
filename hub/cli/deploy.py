"""Commands for Kubernetes: render the chart's objects without Helm, make the secrets."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

err = Console(stderr=True, highlight=False, soft_wrap=True)
deploy_app = typer.Typer(help="Kubernetes: render the objects of an installation.", no_args_is_help=True)
Release = Annotated[str, typer.Option("--name", help="Prefix of all names.")]
Namespace = Annotated[str, typer.Option("--namespace", "-n", help="Namespace; it has to exist.")]
WRONG_INPUT = 2


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.add_typer(deploy_app, name="deploy")


@deploy_app.command("render")
def render_objects(
    values: Annotated[
        list[Path] | None, typer.Option("--values", "-f", help="YAML file of values; later ones win.", exists=True)
    ] = None,
    assignment: Annotated[
        list[str] | None, typer.Option("--set", help="A value, such as servers.memory=1Gi (YAML after the “=”).")
    ] = None,
    release: Release = "collegium",
    namespace: Namespace = "collegium",
    kubernetes: Annotated[str, typer.Option(help="Version of the cluster.")] = "1.30",
    new_secrets: Annotated[
        bool, typer.Option("--new-secrets", help="With new secrets: for the first installation only.")
    ] = False,
    chart: Annotated[Path | None, typer.Option(help="Folder of the chart; by default the one of this version.")] = None,
) -> None:
    """Print the objects that the Helm chart installs, as YAML for `kubectl apply -f -`."""
    import yaml

    from hub.deployment import CHART, ChartError, render

    given: dict[str, object] = {}
    for path in values or []:
        given = _merged(given, yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    for text in assignment or []:
        name, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"{text!r} is not of the form NAME=VALUE")
        nested: object = yaml.safe_load(value)
        for key in reversed(name.split(".")):
            nested = {key: nested}
        given = _merged(given, nested)
    try:
        minor = int(kubernetes.split(".")[1])
        found = render(
            given,
            release=release,
            namespace=namespace,
            kubernetes_minor=minor,
            with_secrets=new_secrets,
            chart=chart or CHART,
        )
    except (ChartError, IndexError, ValueError) as error:
        err.print(f"[bold red]Error:[/] {error}", markup=True)
        raise typer.Exit(WRONG_INPUT) from error
    for manifest in found:
        manifest["metadata"].setdefault("namespace", namespace)
    typer.echo(yaml.safe_dump_all(found, sort_keys=False, width=1000))


@deploy_app.command("secrets")
def make_secrets(release: Release = "collegium", namespace: Namespace = "collegium") -> None:
    """Print a new Secret for `kubectl create -f -`; name it in secrets.existing and keep it."""
    import yaml

    names = ("proxy", "service", "operator", "cookie")
    data = {name: base64.b64encode(secrets.token_hex(32).encode()).decode() for name in names}
    metadata = {"name": f"{release}-secrets", "namespace": namespace}
    typer.echo(yaml.safe_dump({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}))


def _merged(first: dict[str, object], second: object) -> dict[str, object]:
    if not isinstance(second, dict):
        raise typer.BadParameter("values are a mapping of names")
    merged = dict(first)
    for key, value in second.items():
        known = merged.get(key)
        merged[key] = _merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return merged
