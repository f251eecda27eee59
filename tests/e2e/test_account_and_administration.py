"""The account page, the administration and the sign-in pages in a real browser: what they do, and who can use them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browsing import PHONE, WIDE, accessible, keep_picture, sign_in
from tests.platform_under_test import PlatformUnderTest

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
APP = "/services/collegium"


@pytest.fixture(scope="module")
def admin(browser: Browser, platform: PlatformUnderTest) -> Iterator[Page]:
    platform.collegium("user", "add", "maria.sanchez", "--display-name", "María Sánchez", "--email", "m@example.org")
    platform.add_user("noether", "Emmy Noether")
    page = sign_in(browser, platform, "admin")
    if os.environ.get("COLLEGIUM_SCREENSHOTS"):  # without the notice that no password is set
        with closing(platform.client("admin")) as client:
            client.put("/me/password", json={"new": "for the pictures only"})
    yield page
    page.context.close()


def shot(page: Page, name: str) -> None:
    """Keep a picture of those that the documentation shows."""
    if name in SHOTS:
        keep_picture(page, name)


SHOTS = {"account", "account-phone", "users", "users-csv", "audit", "announcement", "sign-in", "new-token"}
PAGES = [
    ("/account", "Account", "account"),
    ("/admin/users", "Users", "users"),
    ("/admin/announcements", "Announcements", "announcements"),
    ("/admin/audit", "Audit log", "audit"),
]


@pytest.mark.parametrize(("path", "heading", "name"), PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible_and_fit_a_phone(
    admin: Page, platform: PlatformUnderTest, path: str, heading: str, name: str, scheme: str
) -> None:
    admin.emulate_media(color_scheme="light" if scheme == "light" else "dark")
    for size in (WIDE, PHONE):
        admin.set_viewport_size(size)
        admin.goto(f"{platform.url}{APP}{path}")
        expect(admin.get_by_role("heading", name=heading, level=1)).to_be_visible()
        admin.wait_for_load_state("networkidle")
        accessible(admin)
        shot(admin, name + ("-phone" if size == PHONE else "") + ("-dark" if scheme == "dark" else ""))
    admin.set_viewport_size(WIDE)
    admin.emulate_media(color_scheme="light")


def test_a_token_is_made_used_and_revoked(admin: Page, platform: PlatformUnderTest) -> None:
    admin.goto(f"{platform.url}{APP}/account")
    admin.get_by_role("button", name="New token").click()
    dialog = admin.get_by_role("dialog")
    dialog.get_by_label("What it is for").fill("Backup script")
    accessible(admin)
    shot(admin, "new-token")
    dialog.get_by_role("button", name="Make token").click()
    token = admin.get_by_label("Token", exact=True).input_value()
    assert token.startswith("clg_")
    answer = admin.request.get(f"{platform.api}/me", headers={"Authorization": f"Bearer {token}", "Cookie": ""})
    assert answer.json()["name"] == "admin"
    admin.get_by_role("button", name="Done").click()
    expect(admin.get_by_role("list", name="API tokens").get_by_text("Backup script")).to_be_visible()
    admin.get_by_role("button", name="Revoke Backup script").click()
    admin.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(admin.get_by_text("Backup script")).to_have_count(0)
    answer = admin.request.get(f"{platform.api}/me", headers={"Authorization": f"Bearer {token}", "Cookie": ""})
    assert answer.status == 401


def test_a_picture_is_uploaded_and_shown_to_others(admin: Page, browser: Browser, platform: PlatformUnderTest) -> None:
    admin.goto(f"{platform.url}{APP}/account")
    with admin.expect_file_chooser() as chooser:
        admin.get_by_role("button", name="Upload a picture").click()
    chooser.value.set_files(ROOT / "docs/images/project.png")
    expect(admin.get_by_text("Your picture was saved.")).to_be_visible()
    assert admin.locator("header img").evaluate("image => image.naturalWidth") == 128
    admin.get_by_role("button", name="Remove", exact=True).click()
    expect(admin.locator("header img")).to_have_count(0)


def test_another_device_signs_out_by_itself(admin: Page, browser: Browser, platform: PlatformUnderTest) -> None:
    other = sign_in(browser, platform, "admin")
    admin.goto(f"{platform.url}{APP}/account")
    admin.get_by_role("button", name="Sign out all others").click()
    expect(admin.get_by_text("All other devices are signed out.")).to_be_visible()
    # the other page looks what others changed every few seconds, and is led to the sign-in page
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    other.context.close()


def test_users_are_made_from_a_table_with_a_preview(admin: Page, platform: PlatformUnderTest) -> None:
    admin.goto(f"{platform.url}{APP}/admin/users")
    admin.get_by_role("button", name="From CSV").click()
    table = admin.get_by_label("Table", exact=True)
    table.fill("name,display_name\nsofia,Sofia Kovalevskaya\nNot a Name,X\n")
    admin.get_by_role("button", name="Preview").click()
    expect(admin.get_by_text("1 with errors")).to_be_visible()
    accessible(admin)
    shot(admin, "users-csv")
    expect(admin.get_by_role("button", name="Make the accounts")).to_be_disabled()
    table.fill("name,display_name\nsofia,Sofia Kovalevskaya\n")
    admin.get_by_role("button", name="Preview").click()
    admin.get_by_role("button", name="Make 1, change 0").click()
    with admin.expect_download() as download:
        admin.get_by_role("button", name="Save the links as CSV").click()
    assert "sofia,http" in Path(download.value.path()).read_text()
    admin.get_by_role("button", name="Done").click()
    admin.get_by_label("Search users").fill("koval")
    expect(admin.get_by_role("list", name="Users").get_by_text("Sofia Kovalevskaya")).to_be_visible()
    expect(admin.get_by_role("list", name="Users").get_by_text("Emmy Noether")).to_have_count(0)


def test_an_announcement_is_seen_by_everybody_and_on_the_sign_in_page(
    admin: Page, browser: Browser, platform: PlatformUnderTest
) -> None:
    words = "Maintenance on Saturday, 8 to 10. <b>Save your work</b> before."
    admin.goto(f"{platform.url}{APP}/admin/announcements")
    admin.get_by_role("button", name="New announcement").click()
    admin.get_by_label("Text").fill(words)
    admin.get_by_role("button", name="Announce", exact=True).click()
    expect(admin.get_by_role("list", name="Announcements").get_by_text("Shown now")).to_be_visible()
    expect(admin.get_by_role("region", name="Announcements").get_by_text(words)).to_be_visible()
    accessible(admin)
    shot(admin, "announcement")
    stranger = browser.new_page()
    stranger.goto(f"{platform.url}/hub/login")
    expect(stranger.get_by_text(words)).to_be_visible()
    accessible(stranger)
    shot(stranger, "sign-in")
    stranger.close()
    admin.get_by_role("button", name="Delete").click()
    admin.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(admin.get_by_text("Nothing announced")).to_be_visible()


def test_the_audit_log_is_filtered(admin: Page, platform: PlatformUnderTest) -> None:
    admin.goto(f"{platform.url}{APP}/admin/audit")
    admin.get_by_label("On what").fill("maria.sanchez")
    log = admin.get_by_role("list", name="Audit log")
    expect(log.get_by_role("listitem").filter(has_not_text="maria.sanchez")).to_have_count(0)
    expect(log.get_by_text("user.create")).to_have_count(1)
    with admin.expect_download() as download:
        admin.get_by_role("link", name="Export as CSV").click()
    assert "maria.sanchez" in Path(download.value.path()).read_text()


@pytest.mark.parametrize("path", ["login", "sign-up", "forgot-password", "reset-password?link=x", "confirm?link=x"])
def test_the_pages_around_signing_in_are_accessible(browser: Browser, platform: PlatformUnderTest, path: str) -> None:
    page = browser.new_page(viewport=PHONE)
    page.goto(f"{platform.url}/hub/{path}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    accessible(page)
    page.close()


def test_the_account_page_works_by_keyboard(admin: Page, platform: PlatformUnderTest) -> None:
    admin.goto(f"{platform.url}{APP}/account")
    admin.get_by_role("button", name="New token").focus()
    admin.keyboard.press("Enter")
    expect(admin.get_by_label("What it is for")).to_be_focused()
    admin.keyboard.press("Escape")
    expect(admin.get_by_role("button", name="New token")).to_be_focused()
