"""The JupyterLab extension's own checks, run with the Node that comes with the environment."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from hub.node import node
from spawner.project_server import LAB_EXTENSION

LAB = Path(__file__).parents[2] / "frontend" / "lab"
BUNDLE_LIMIT_BYTES = 250_000


def run(tool: str, *args: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the extension's packages."""
    command = [node(), str(LAB / "node_modules" / tool), *args]
    env = {**os.environ, "PATH": f"{Path(node()).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    return subprocess.run(command, cwd=LAB, env=env, capture_output=True, text=True, check=False, timeout=280)


@pytest.mark.slow
def test_its_rules_do_what_their_tests_say() -> None:
    done = run("vitest/vitest.mjs", "run", "--reporter=dot")
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


@pytest.mark.slow
def test_the_source_is_typed_and_follows_the_rules() -> None:
    for tool, *args in (
        ("typescript/bin/tsc", "--noEmit"),
        ("eslint/bin/eslint.js", ".", "--max-warnings", "0"),
        ("prettier/bin/prettier.cjs", "--check", "."),
    ):
        done = run(tool, *args)
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def test_it_is_built_small_and_where_project_servers_look_for_it() -> None:
    built = LAB_EXTENSION / "@collegium" / "lab"
    package = json.loads((built / "package.json").read_text())
    assert (built / package["jupyterlab"]["_build"]["load"]).is_file()
    assert sum(file.stat().st_size for file in (built / "static").glob("*.js")) < BUNDLE_LIMIT_BYTES
