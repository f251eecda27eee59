"""The shape of the code: which package may import which, and how long a file may get."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What each package may import of ours. `kernels.math` counts as a package of its own.
ALLOWED = {
    "handcalc": set(),
    "kernels/math": set(),
    "kernels": {"handcalc"},
    "spawner": {"kernels"},
    "courseware": {"kernels"},
    "pipelines": {"kernels"},
    "hub": {"courseware", "handcalc", "kernels", "pipelines", "spawner"},
}
OURS = {"hub", "spawner", "kernels", "courseware", "handcalc", "pipelines"}


def sources(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    return [p for p in found if package != "kernels" or "math" not in p.relative_to(ROOT / "kernels").parts]


def imported(path: Path) -> set[str]:
    """Return our top-level packages that a file imports by name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return names & OURS


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_one_way(package: str) -> None:
    own = package.partition("/")[0]
    files = sources(package)
    assert files
    wrong = {
        str(path.relative_to(ROOT)): extra for path in files if (extra := imported(path) - ALLOWED[package] - {own})
    }
    assert not wrong


def test_math_imports_nothing_else_of_the_kernels_package() -> None:
    for path in sources("kernels/math"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").startswith("kernels"):
                assert (node.module or "").startswith("kernels.math"), path


def test_the_repository_names_no_machine() -> None:
    """No absolute path of somebody's checkout, no package registry's host."""
    forbidden = [
        "/work/" + "main",
        "/home/" + "runner",
        "pypi" + ".org",
        "registry.npmjs" + ".org",
        "pythonhosted" + ".org",
    ]
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        path = ROOT / name
        if path.is_file() and b"\0" not in (content := path.read_bytes())[:8000]:
            text = content.decode(errors="replace")
            assert not [word for word in forbidden if word in text], name
