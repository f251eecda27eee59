"""The story of the first day: sign in, make a project, calculate, share, write together, learn why a kernel died."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.e2e.browsing import sign_in, wait_for_kernel
from tests.platform_under_test import PlatformUnderTest

SCREENSHOTS = Path("test-results")


def run_cell(page: Page, source: str) -> None:
    """Type into the selected cell, run it, and wait until the kernel is idle again."""
    page.keyboard.insert_text(source)
    page.keyboard.press("Shift+Enter")


def write_a_comment(page: Page, text: str) -> None:
    """Comment on the cell that is active, from the keyboard where that is possible."""
    page.locator('[data-id="collegium-comments"]').first.click()
    field = page.locator("#collegium-comments").get_by_label("Write a comment")
    field.fill(text)
    field.press("Enter")
    page.locator(".jp-Notebook-cell .cm-content").last.click()


def test_a_project_is_made_worked_in_shared_and_edited_by_two(browser: Browser, platform: PlatformUnderTest) -> None:
    platform.add_user("lovelace", "Ada Lovelace")
    platform.add_user("hopper", "Grace Hopper")
    SCREENSHOTS.mkdir(exist_ok=True)

    ada = sign_in(browser, platform, "lovelace")
    expect(ada.get_by_role("heading", name="Start your first project")).to_be_visible()
    ada.get_by_role("button", name="New project").first.click()
    ada.get_by_label("Name").fill("Oscillations")
    ada.get_by_role("button", name=re.compile("^Create")).click()
    expect(ada.get_by_role("heading", name="Oscillations")).to_be_visible()
    project = ada.request.get(f"{platform.api}/projects").json()["items"][0]["id"]
    ada.screenshot(path=SCREENSHOTS / "project.png")

    ada.get_by_role("link", name="Open", exact=True).first.click()
    ada.wait_for_url("**/lab**")
    lab = ada
    lab.wait_for_selector(".jp-Launcher")
    lab.locator(".jp-LauncherCard[data-category=Notebook]").first.click()
    wait_for_kernel(lab)
    lab.locator(".jp-Notebook-cell .cm-content").first.click()
    run_cell(lab, "import numpy as np, matplotlib.pyplot as plt\nplt.plot(np.sin(np.linspace(0, 7, 99)));")
    expect(lab.locator(".jp-OutputArea-output img")).to_be_visible()
    run_cell(lab, "%load_ext handcalc")
    run_cell(lab, "%%render\na = 3\nb = 4\nc = (a**2 + b**2)**0.5")
    expect(lab.locator(".jp-RenderedLatex mjx-container")).to_be_visible()
    lab.screenshot(path=SCREENSHOTS / "notebook.png")

    refused = sign_in(browser, platform, "hopper")
    assert refused.request.get(f"{platform.url}/user/projects/{project}/lab").status == 403

    shared = ada.request.put(
        f"{platform.api}/projects/{project}/members/hopper",
        data={"role": "editor"},
        headers={"X-Collegium-Client": "web"},
    )
    assert shared.ok, shared.text()
    grace = refused
    grace.wait_for_timeout(2500)  # the project's server trusts an answer for two seconds
    grace.goto(f"{platform.url}/user/projects/{project}/lab/tree/Untitled.ipynb")
    grace.wait_for_selector(".jp-Notebook-cell")
    expect(grace.locator(".jp-OutputArea-output img")).to_be_visible()

    lab.keyboard.insert_text("# written by Ada")
    expect(grace.get_by_text("# written by Ada")).to_be_visible()
    grace.locator(".jp-Notebook-cell .cm-content").last.click()
    grace.keyboard.press("End")
    grace.keyboard.insert_text(" and by Grace")
    expect(lab.get_by_text("# written by Ada and by Grace")).to_be_visible()
    for page, other in ((lab, "Grace Hopper"), (grace, "Ada Lovelace")):
        expect(page.locator(".collegium-SaveStatus")).to_have_text("Saved")
        expect(page.get_by_role("button", name=f"Follow {other}")).to_be_visible()
    grace.screenshot(path=SCREENSHOTS / "together.png")
    write_a_comment(lab, "Is this @hopper's?")
    expect(grace.locator(".jp-toast-message", has_text="Is this @hopper's?")).to_be_visible()
    expect(grace.get_by_role("button", name="1 comment")).to_be_visible()

    lab.keyboard.press("Escape")
    lab.keyboard.press("b")
    lab.keyboard.press("Enter")
    run_cell(lab, "import ctypes\nctypes.string_at(0)")
    for page in (lab, grace):  # who did not run the cell is told as well
        died = page.get_by_role("dialog").filter(has_text="appears to have died")
        expect(died.locator(".collegium-DeathReason")).to_contain_text("segmentation fault")
    grace.screenshot(path=SCREENSHOTS / "kernel-death.png")
    for page in (lab, grace):
        page.get_by_role("dialog").get_by_role("button", name="Ok").click()
    run_cell(lab, "print('here again')")
    expect(grace.locator("pre").get_by_text("here again")).to_be_visible()
