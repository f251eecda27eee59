"""What every browser test does: sign in, wait for a kernel."""

from __future__ import annotations

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.platform_under_test import PlatformUnderTest

LAB_TIMEOUT_MS = 60_000


def sign_in(browser: Browser, platform: PlatformUnderTest, name: str) -> Page:
    context: BrowserContext = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(platform.sign_in_link(name))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible(timeout=20_000)
    return page


def wait_for_kernel(page: Page) -> None:
    expect(page.get_by_text("Python 3 | Idle")).to_be_visible(timeout=LAB_TIMEOUT_MS)
