"""The worked notebooks run in a real kernel and render."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("handcalc_structural", r"M_{\mathrm{Ed}} & = \frac{q_{d} \cdot L^{2}}{8}"),
        ("handcalc_electrical", r"Z & = R + \mathrm{j} \cdot \left(X_{L} - X_{C}\right)"),
        ("handcalc_physics_lab", r"g & = \frac{4 \cdot \pi^{2} \cdot \ell}{T^{2}}"),
    ],
)
def test_the_notebook_runs_and_shows_its_formulas(
    name: str, formula: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A kernelspec of our own: handcalc stands alone, whatever starts the kernels of this installation.
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    specification = tmp_path / "kernels" / "plain" / "kernel.json"
    specification.parent.mkdir(parents=True)
    specification.write_text(json.dumps({"argv": command, "display_name": "Plain", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    resources = {"metadata": {"path": str(EXAMPLES)}}
    nbclient.NotebookClient(notebook, timeout=180, kernel_name="plain", resources=resources).execute()
    blocks = [
        output["data"]["text/latex"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "text/latex" in output.get("data", {})
    ]
    assert any(formula in block for block in blocks)
