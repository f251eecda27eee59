"""What every process of the platform is spared."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module",
    [
        "hub.service",
        "jupyterhub.app",
        "spawner.project_server",
        "jupyter_server.serverapp",
        "jupyterlab.labapp",
        "papermill",
    ],
)
def test_no_process_pays_for_the_import_that_nothing_needs(module: str) -> None:
    code = f"import {module}, sys; print('rfc3987_syntax' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "False"


def test_the_command_line_does_not_import_the_servers() -> None:
    code = (
        "import hub.cli, sys; print([m for m in ('jupyterhub', 'jupyter_server', 'numpy', 'dbos') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
