"""The web app's own checks, run with the Node that comes with the environment."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from hub.node import node

ROOT = Path(__file__).parents[2]
WEB = ROOT / "frontend" / "web"


def run(tool: str, *args: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the web app's packages."""
    command = [node(), str(WEB / "node_modules" / tool), *args]
    env = {**os.environ, "PATH": f"{Path(node()).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    return subprocess.run(command, cwd=WEB, env=env, capture_output=True, text=True, check=False, timeout=280)


@pytest.mark.slow
def test_the_components_do_what_their_tests_say() -> None:
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


def test_the_api_types_are_those_of_the_openapi_document(tmp_path: Path) -> None:
    made = tmp_path / "schema.d.ts"
    document = str(ROOT / "docs" / "api" / "openapi.json")
    done = run("openapi-typescript/bin/cli.js", document, "--default-non-nullable=false", "-o", str(made))
    assert done.returncode == 0, done.stderr
    assert made.read_text() == (WEB / "src" / "api" / "schema.d.ts").read_text(), "run `npm run generate`"
