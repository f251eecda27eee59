"""Owner, editor and viewer in three browsers: invite, work, watch, publish, demote, delete and take it back."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browsing import sign_in
from tests.platform_under_test import PlatformUnderTest

SCREENSHOTS = Path("test-results")


def report() -> bytes:
    v4 = nbformat.v4
    cells = [
        v4.new_markdown_cell("# Damped oscillation\n\n$$x(t) = e^{-\\delta t}\\cos(\\omega t)$$"),
        v4.new_code_cell("2 + 2", execution_count=1, outputs=[v4.new_output("execute_result", {"text/plain": "4"})]),
        v4.new_code_cell("1", outputs=[v4.new_output("display_data", {"text/html": "<script>top.hacked=1</script>x"})]),
    ]
    return nbformat.writes(v4.new_notebook(cells=cells)).encode()


def picture(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def make_invitation(page: Page, role: str) -> str:
    page.get_by_role("button", name="New link").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("They become").first.click()
    page.get_by_role("option", name=role, exact=True).click()
    dialog.get_by_role("button", name="Make the link").click()
    url = dialog.get_by_label("Invitation link").input_value()
    dialog.get_by_role("button", name="Done").click()
    return url


def test_three_people_share_a_project(browser: Browser, platform: PlatformUnderTest) -> None:
    names = {"olga": "Olga Ladyzhenskaya", "emil": "Emil Artin", "vera": "Vera Rubin"}
    for name, display_name in names.items():
        platform.add_user(name, display_name)
    olga, emil, vera = (sign_in(browser, platform, name) for name in names)

    # The owner makes a project, uploads a notebook and reads it without a server.
    olga.get_by_role("button", name="New project").first.click()
    olga.get_by_label("Name").fill("Oscillations")
    olga.get_by_role("button", name="Create project").click()
    expect(olga.get_by_role("heading", name="No files yet")).to_be_visible()
    olga.locator("input[type=file]").set_input_files(
        [{"name": "report.ipynb", "mimeType": "application/json", "buffer": report()}]
    )
    olga.get_by_role("link", name="report.ipynb").click()
    frame = olga.frame_locator("iframe.viewer")
    expect(frame.get_by_role("heading", name="Damped oscillation")).to_be_visible()
    expect(frame.locator("math").first).to_be_visible()
    assert olga.evaluate("window.hacked") is None, "nothing in a notebook runs in the platform's pages"
    assert olga.locator("iframe.viewer").get_attribute("sandbox") == "allow-popups allow-popups-to-escape-sandbox"
    picture(olga, "viewer")
    olga.get_by_role("link", name="Files").first.click()
    project = olga.url.rpartition("/")[2].partition("?")[0]

    # Two links bring two people in, each with a role.
    tab(olga, "People")
    for page, role in ((emil, "Editor"), (vera, "Viewer")):
        page.goto(make_invitation(olga, role))
        expect(page.get_by_role("heading", name="Oscillations")).to_be_visible()
        page.get_by_role("button", name="Join the project").click()
        expect(page.get_by_role("tab", name="Files")).to_be_visible()
    expect(olga.get_by_text("Vera Rubin")).to_be_visible()
    picture(olga, "project")

    # The viewer sees the files and has nothing to change them with.
    expect(vera.get_by_role("link", name="report.ipynb")).to_be_visible()
    expect(vera.get_by_role("button", name="Upload")).to_have_count(0)
    tab(vera, "People")
    expect(vera.get_by_role("button", name="New link")).to_have_count(0)

    # The editor publishes; somebody without an account reads it, and scripts stay dead.
    emil.get_by_role("button", name="Actions for report.ipynb").click()
    emil.get_by_role("menuitem", name="Publish").click()
    emil.get_by_role("button", name="Publish", exact=True).click()
    address = emil.get_by_label("Address").input_value()
    emil.get_by_role("button", name="Done").click()
    stranger = browser.new_context(viewport={"width": 390, "height": 780}, color_scheme="dark").new_page()
    stranger.goto(address)
    expect(stranger.get_by_role("heading", name="Damped oscillation")).to_be_visible()
    expect(stranger.get_by_role("link", name="Copy to my project")).to_be_visible()
    assert "<script" not in stranger.content()
    picture(stranger, "published-phone")

    # All three open the notebook; the viewer sees it and cannot run it, the demoted editor neither.
    for page in (olga, vera):
        page.goto(f"{platform.url}/services/collegium/projects/{project}/open?path=report.ipynb")
        page.wait_for_url("**/lab/**")
        page.wait_for_selector(".jp-Notebook-cell")
    refused = vera.request.post(f"{platform.url}/user/projects/{project}/api/kernels", data={"name": "python3"})
    assert refused.status == 403

    # The project goes to the trash and comes back by undo.
    olga.goto(f"{platform.url}/services/collegium/projects/{project}?tab=activity")
    expect(olga.get_by_text("joined")).to_have_count(2)
    picture(olga, "activity")
    olga.get_by_role("button", name="More actions for this project").click()
    olga.get_by_role("menuitem", name="Move to the trash").click()
    undo = olga.get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    assert emil.request.get(f"{platform.api}/projects/{project}").status == 404
    undo.click()
    expect(olga.get_by_text(re.compile("is back"))).to_be_visible()
    expect(olga.get_by_role("link", name="Oscillations", exact=True).first).to_be_visible()
    picture(olga, "projects")
