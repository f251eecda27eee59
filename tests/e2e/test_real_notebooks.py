"""Notebooks that others wrote run from top to bottom: SciPy's own documentation, example by example."""

from __future__ import annotations

import doctest
import pkgutil
import time

import nbformat
import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browsing import sign_in, wait_for_kernel
from tests.platform_under_test import WEB_HEADERS, PlatformUnderTest

FUNCTIONS = ("integrate.solve_ivp", "interpolate.CubicSpline", "signal.butter", "optimize.minimize")
RUN_TIMEOUT_SECONDS = 180


def notebook_of(name: str) -> nbformat.NotebookNode:
    """Return the examples of the docstring of one of SciPy's functions as a notebook, one cell per example."""
    function = pkgutil.resolve_name(f"scipy.{name}")  # not imported by who only looks for tests
    examples = doctest.DocTestParser().get_examples(function.__doc__ or "")
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.cells = [nbformat.v4.new_code_cell(example.source.rstrip()) for example in examples]
    return notebook


@pytest.mark.slow
def test_scipys_documentation_runs_from_top_to_bottom_in_the_browser(
    browser: Browser, platform: PlatformUnderTest
) -> None:
    platform.add_user("reader")
    page = sign_in(browser, platform, "reader")
    api = page.request
    project = api.post(f"{platform.api}/projects", data={"name": "SciPy"}, headers=WEB_HEADERS).json()["id"]
    page.goto(f"{platform.url}/services/collegium/projects/{project}/open")
    page.wait_for_url("**/lab**")
    files = platform.data_dir / "projects" / project / "files"
    for function in FUNCTIONS:
        name = f"{function.rpartition('.')[2]}.ipynb"
        nbformat.write(notebook_of(function), files / name)
        page.goto(f"{platform.url}/user/projects/{project}/lab/tree/{name}?reset")
        page.wait_for_selector(".jp-Notebook-cell")
        wait_for_kernel(page)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        cells = wait_until_run(files / name)
        errors = [output for cell in cells for output in cell.outputs if output.output_type == "error"]
        assert not errors, (name, errors)
        plots = [o for cell in cells for o in cell.outputs if "image/png" in o.get("data", {})]
        assert len(plots) >= sum("plt.show()" in cell.source for cell in cells), name
    expect(page.get_by_text("Python 3 | Idle")).to_be_visible()


def wait_until_run(path: object) -> list[nbformat.NotebookNode]:
    """Return the saved cells once each has been run."""
    deadline = time.monotonic() + RUN_TIMEOUT_SECONDS
    while True:
        cells: list[nbformat.NotebookNode] = nbformat.read(path, as_version=4).cells
        waiting = [cell.source for cell in cells if cell.execution_count is None]
        if not waiting:
            return cells
        assert time.monotonic() < deadline, f"never run: {waiting[0]}"
        time.sleep(0.5)
