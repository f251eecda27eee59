"""The commands that the README and the guides show work as shown, and what they refer to exists."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from openapi_spec_validator import validate

from tests.platform_under_test import COLLEGIUM, PlatformUnderTest

ROOT = Path(__file__).parents[2]
GUIDES = ["README.md", "docs/operator/guide.md", "docs/operator/operations.md"]


def commands(guide: str) -> Iterator[str]:
    """Yield the lines of a guide's `sh` blocks, without comments."""
    for block in re.findall(r"^```sh\n(.*?)^```", (ROOT / guide).read_text(), re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            if command := line.partition(" #")[0].strip():
                yield command


@pytest.mark.parametrize("guide", GUIDES)
def test_the_commands_of_a_guide_work_in_their_order(
    own_platform: PlatformUnderTest, tmp_path: Path, guide: str
) -> None:
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    parameters = nbformat.v4.new_code_cell("x = 1", metadata={"tags": ["parameters"]})
    notebook.cells = [parameters, nbformat.v4.new_code_cell("print(x * 21)")]
    nbformat.write(notebook, tmp_path / "example.ipynb")
    shown = list(commands(guide))
    assert shown
    if guide != "README.md" and shown[0] != "collegium up --detach":
        own_platform.start()
    for command in shown:
        words = shlex.split(command)
        if words[0] == "make":
            dry = subprocess.run(
                ["make", "--dry-run", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False
            )
            assert dry.returncode == 0, dry.stderr
            continue
        assert words[0] == "collegium", command
        done = subprocess.run(
            [*COLLEGIUM, *words[1:]],
            env=own_platform.env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    if guide == "README.md":
        outputs = nbformat.read(tmp_path / "example.out.ipynb", as_version=4).cells[-1].outputs
        assert outputs[0].text == "42\n"


@pytest.mark.parametrize(
    "page", sorted(p.relative_to(ROOT) for p in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]), ids=str
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:|#", target):
            assert (ROOT / page.parent / target.partition("#")[0]).exists(), f"{page}: {target}"


def test_the_kept_openapi_document_is_valid_and_the_services_own() -> None:
    kept = json.loads((ROOT / "docs/api/openapi.json").read_text())
    validate(kept)
    made = subprocess.run([COLLEGIUM[0], "-m", "hub.api"], capture_output=True, text=True, check=True).stdout
    assert kept == json.loads(made), "run `python -m hub.api > docs/api/openapi.json`"


def test_every_direct_dependency_is_explained() -> None:
    explained = (ROOT / "docs/dev/dependencies.md").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    everything = [*project["dependencies"], *(d for extra in project["optional-dependencies"].values() for d in extra)]
    names = {re.split(r"[\[<>=; ]", dependency)[0] for dependency in everything}
    missing = {n for n in names if n not in explained and not n.startswith(("types-", "pytest", "pandas-stubs"))}
    assert not missing
