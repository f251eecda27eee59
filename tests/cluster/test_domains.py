"""The chart with `wildcardDomain` on a real cluster: a project is at a host of its own, and works there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.conftest import CHROMIUM_FLAGS
from tests.e2e.browsing import come_in
from tests.platform_under_test import WEB_HEADERS, be_patient, chromium
from tests.rooms.test_durability import notebook

from .installation import NODE_ADDRESS, Installation, installed

PORT = 30801
# Below `localhost` a browser takes what else needs TLS; its own names lead to the node instead of this machine.
HOST, DOMAIN = "collegium.localhost", "projects.localhost"
POST = """async ([url, body, headers]) => {
  const answer = await fetch(url, {method: "POST", body: JSON.stringify(body), credentials: "include",
                                   headers: {"Content-Type": "application/json", ...headers}});
  return [answer.status, await answer.json()];
}"""
READ = """async (url) => {
  try { return (await fetch(url, {credentials: "include"})).status; } catch (error) { return "refused"; }
}"""


@pytest.fixture(scope="module")
def installation(kubeconfig: str) -> Iterator[Installation]:
    """The platform in a namespace of its own, with a host for each project."""
    with installed(HOST, PORT, wildcardDomain=DOMAIN) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, to which every name below `localhost` is the node's."""
    resolver = f"--host-resolver-rules=MAP *.localhost {NODE_ADDRESS}"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium(), args=[*CHROMIUM_FLAGS, resolver])
        browser = be_patient(launched)
        yield browser
        browser.close()


@pytest.mark.slow
@pytest.mark.e2e
def test_project_works_at_its_own_host_and_reaches_nothing_of_the_platform(
    installation: Installation, browser: Browser
) -> None:
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    come_in(page, installation.link("ada"))
    api = f"{installation.url}/services/collegium/api"
    status, made = page.evaluate(POST, [f"{api}/projects", {"name": "At its own host"}, WEB_HEADERS])
    assert status == 201, made
    project, origin = made["id"], f"http://{made['id']}.{DOMAIN}:{PORT}"
    page.goto(f"{installation.url}/services/collegium/projects/{project}/open")
    page.wait_for_url(f"{origin}/lab**")

    content = json.loads(notebook("import socket\nprint('I am', socket.gethostname())"))
    content["metadata"]["kernelspec"] = {"name": "pod", "display_name": "Python in a pod", "language": "python"}
    (installation.folder / "projects" / project / "files" / "where.ipynb").write_text(json.dumps(content))
    page.goto(f"{origin}/lab/tree/where.ipynb?reset")
    expect(page.get_by_text(re.compile("Python in a pod \\| Idle"))).to_be_visible()
    page.locator(".jp-Notebook-cell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output").first).to_contain_text("I am kernel-")

    page.goto(f"{origin}/nothing-here")  # whose policy forbids nothing
    assert page.evaluate(READ, f"{api}/projects") == "refused"
    assert page.evaluate(READ, f"{installation.url}/hub/api/user") == "refused"
