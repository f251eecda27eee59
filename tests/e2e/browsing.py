"""What every browser test does: sign in, wait for a kernel."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from tests.platform_under_test import PlatformUnderTest

ROOT = Path(__file__).parents[2]
AXE = ROOT / "frontend/web/node_modules/axe-core/axe.min.js"
RULES = "{ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }"
PHONE: ViewportSize = {"width": 375, "height": 720}
WIDE: ViewportSize = {"width": 1280, "height": 800}


def sign_in(browser: Browser, platform: PlatformUnderTest, name: str) -> Page:
    context: BrowserContext = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    come_in(page, platform.sign_in_link(name))
    return page


def come_in(page: Page, link: str) -> None:
    """Sign in by a one-time link."""
    wait_on(page)
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()


def wait_on(page: Page) -> None:
    """Answer JupyterLab, which asks after five seconds whether one wants to wait for a document."""
    waiting = page.get_by_role("button", name="Continue waiting")
    page.add_locator_handler(waiting, lambda: waiting.click())


def wait_for_kernel(page: Page) -> None:
    expect(page.get_by_text("Python 3 | Idle")).to_be_visible()


def accessible(page: Page) -> None:
    """Check a page as it stands with axe, and that nothing is wider than the screen."""
    page.wait_for_timeout(300)  # what fades in is faint until it is there
    page.evaluate(AXE.read_text())
    found = page.evaluate(f"axe.run(document, {RULES}).then(r => r.violations)")
    told = [f"{v['id']}: {v['nodes'][0]['html'][:160]}" for v in found]
    assert told == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{page.url} is too wide"


def keep_picture(page: Page, name: str) -> None:
    """Keep a picture for the documentation, when it is asked for."""
    if os.environ.get("COLLEGIUM_SCREENSHOTS"):
        notices = ".mantine-Notifications-root { display: none }"
        page.screenshot(path=ROOT / "docs/images" / f"{name}.png", style=notices)
