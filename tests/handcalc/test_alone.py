"""handcalc stands alone: the standard library, and nothing of the platform."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import handcalc

FOLDER = Path(handcalc.__file__).parent


def test_importing_it_loads_the_standard_library_only() -> None:
    script = "import sys; before = set(sys.modules); import handcalc; print(*(set(sys.modules) - before))"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    roots = {name.partition(".")[0] for name in printed.split()} - {"handcalc"}
    assert {root for root in roots if root not in sys.stdlib_module_names} == set()


def test_no_module_imports_the_rest_of_the_platform() -> None:
    platform = {"hub", "spawner", "kernels", "courseware", "pipelines"}
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert platform.isdisjoint(name.partition(".")[0] for name in names), path


def test_the_public_names_are_what_the_package_lists() -> None:
    for name in handcalc.__all__:
        assert hasattr(handcalc, name)
        assert getattr(handcalc, name).__doc__
