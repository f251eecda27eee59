"""Two projects at hosts of their own, and people who work in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.conftest import CHROMIUM_FLAGS
from tests.domains_under_test import DomainsPlatform, domains_platform, launch
from tests.e2e.browsing import wait_for_kernel

API = "/services/collegium/api"


@dataclass
class Campus:
    """A platform with a project Alpha, which Mallory edits, too, and a project Beta, both of Ada."""

    platform: DomainsPlatform
    ada: httpx.Client
    mallory: httpx.Client
    alpha: str
    beta: str

    def lab(self, page: Page, project: str) -> Page:
        page.goto(f"{self.platform.origin(project)}/lab?reset")
        page.wait_for_selector(".jp-Launcher")
        return page

    def in_a_notebook(self, page: Page) -> str:
        """Make a project and open it by the web app's link; return its id when a notebook has run a cell in it."""
        platform = self.platform
        project = platform.new_project(self.ada, "Oscillations", is_started=False)
        page.goto(f"{platform.url}/services/collegium/projects/{project}")
        page.get_by_role("link", name="Open", exact=True).first.click()
        page.wait_for_url(f"{platform.origin(project)}/lab**")
        page.wait_for_selector(".jp-Launcher")
        page.locator(".jp-LauncherCard[data-category=Notebook]").first.click()
        wait_for_kernel(page)
        page.locator(".jp-Notebook-cell .cm-content").first.click()
        page.keyboard.insert_text("print(6 * 7)")
        page.keyboard.press("Shift+Enter")
        expect(page.locator(".jp-OutputArea-output", has_text="42")).to_be_visible()
        return project


@contextmanager
def campus_in(folder: Path) -> Iterator[Campus]:
    """Run a platform in a folder."""
    with domains_platform(folder) as platform:
        platform.add_user("ada", "Ada Lovelace")
        ada, mallory = platform.client("ada"), platform.client("mallory")
        alpha, beta = (platform.new_project(ada, name) for name in ("Alpha", "Beta"))
        ada.put(f"/projects/{alpha}/members/mallory", json={"role": "editor"}).raise_for_status()
        yield Campus(platform, ada, mallory, alpha, beta)


@contextmanager
def browser_of_domains() -> Iterator[Browser]:
    """Run a browser that finds the hosts."""
    with sync_playwright() as playwright:
        browser = launch(playwright, CHROMIUM_FLAGS)
        yield browser
        browser.close()
