"""Cells belong to the server: a run goes on when every browser is closed, and is there on return."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browsing import sign_in, wait_for_kernel, wait_on
from tests.platform_under_test import WEB_HEADERS, PlatformUnderTest
from tests.rooms.test_durability import notebook

SLOW = "import time\nfor n in range(40):\n    print('step', n); time.sleep(0.2)\nprint('arrived')"


def open_notebook(page: Page, platform: PlatformUnderTest, project: str, name: str) -> None:
    page.goto(f"{platform.url}/user/projects/{project}/lab/tree/{name}?reset")
    page.wait_for_selector(".jp-Notebook-cell")


@pytest.mark.slow
def test_a_run_goes_on_with_every_browser_closed_and_shows_on_return(
    browser: Browser, platform: PlatformUnderTest
) -> None:
    platform.add_user("nora", "Nora Noether")
    page = sign_in(browser, platform, "nora")
    answer = page.request.post(f"{platform.api}/projects", data={"name": "Runs"}, headers=WEB_HEADERS)
    project = answer.json()["id"]
    page.goto(f"{platform.url}/services/collegium/projects/{project}/open")
    page.wait_for_url("**/lab**")
    files = platform.data_dir / "projects" / project / "files"
    content = json.loads(notebook(SLOW, "1 + 1"))
    content["metadata"]["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    (files / "run.ipynb").write_text(json.dumps(content))
    open_notebook(page, platform, project, "run.ipynb")
    wait_for_kernel(page)
    page.locator(".jp-Notebook-cell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_text("step 1", exact=False).first).to_be_visible()
    page.close()  # asks nothing: nothing is lost
    page = browser.contexts[-1].new_page()
    wait_on(page)
    open_notebook(page, platform, project, "run.ipynb")
    expect(page.locator(".jp-OutputArea-output").first).to_contain_text("step 39")
    expect(page.locator(".jp-OutputArea-output").first).to_contain_text("arrived")
    expect(page.locator(".jp-InputPrompt").first).to_have_text(re.compile(r"\[1\]:"))
    shown = page.locator(".jp-OutputArea-output").first.inner_text()
    assert shown.split() == [word for n in range(40) for word in ("step", str(n))] + ["arrived"]

    page.locator(".jp-Notebook-cell .cm-content").nth(1).click()
    page.keyboard.press("Control+s")
    page.wait_for_timeout(1500)
    cells = json.loads((files / "run.ipynb").read_text())["cells"]
    assert "arrived" in "".join(cells[0]["outputs"][0]["text"])
    assert "collegium" not in json.dumps(cells[0]["metadata"])
