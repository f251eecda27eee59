"""The own checks of the web app and of the JupyterLab extension, run with the Node that comes with the environment.

Their types and style are checked by `make lint`.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from hub.node import node
from spawner.project_server import LAB_EXTENSION

ROOT = Path(__file__).parents[2]
WEB = ROOT / "frontend" / "web"
LAB = ROOT / "frontend" / "lab"
LAB_BUNDLE_LIMIT_BYTES = 250_000


def run(package: Path, tool: str, *args: str) -> subprocess.CompletedProcess[str]:
    """Run a program of a front end's packages."""
    command = [node(), str(package / "node_modules" / tool), *args]
    env = {**os.environ, "PATH": f"{Path(node()).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    return subprocess.run(command, cwd=package, env=env, capture_output=True, text=True, check=False, timeout=280)


@pytest.mark.slow
@pytest.mark.parametrize("package", [WEB, LAB], ids=["web", "lab"])
def test_the_components_do_what_their_tests_say(package: Path) -> None:
    done = run(package, "vitest/vitest.mjs", "run", "--reporter=dot")
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def test_the_api_types_are_those_of_the_openapi_document(tmp_path: Path) -> None:
    made = tmp_path / "schema.d.ts"
    document = str(ROOT / "docs" / "api" / "openapi.json")
    done = run(WEB, "openapi-typescript/bin/cli.js", document, "--default-non-nullable=false", "-o", str(made))
    assert done.returncode == 0, done.stderr
    assert made.read_text() == (WEB / "src" / "api" / "schema.d.ts").read_text(), "run `npm run generate`"


def test_the_lab_extension_is_built_small_and_where_project_servers_look_for_it() -> None:
    built = LAB_EXTENSION / "@collegium" / "lab"
    package = json.loads((built / "package.json").read_text())
    assert (built / package["jupyterlab"]["_build"]["load"]).is_file()
    assert sum(file.stat().st_size for file in (built / "static").glob("*.js")) < LAB_BUNDLE_LIMIT_BYTES
