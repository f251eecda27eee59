"""`python -m kernels`: install the kernelspec, look at the preloaded parents."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .forkserver import ForkServer
from .kernelspec import install_kernelspec
from .preloads import KERNEL_PRELOAD, KERNEL_REHEARSAL, KERNEL_TARGETS

app = typer.Typer(help="Kernels that are ready before you look.", no_args_is_help=True)


@app.command()
def install(
    prefix: Annotated[Path | None, typer.Option(help="Root of a Python environment; this one by default.")] = None,
    name: Annotated[str, typer.Option(help="Name of the kernelspec.")] = "python3",
) -> None:
    """Write the kernelspec, over one of the same name."""
    typer.echo(install_kernelspec(prefix, name=name))


@app.command()
def warm() -> None:
    """Start the preloaded parent of this environment and print what it holds."""
    server = ForkServer(preload=KERNEL_PRELOAD, target=KERNEL_TARGETS, rehearsal=KERNEL_REHEARSAL)
    typer.echo(json.dumps(asdict(server.start()), indent=1))


if __name__ == "__main__":
    app()
