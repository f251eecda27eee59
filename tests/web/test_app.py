"""The web app in a real browser on the real platform: accessible, self-contained, at home on a phone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple, cast

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.browsing import come_in
from tests.platform_under_test import WEB_HEADERS, PlatformUnderTest

WEB = Path(__file__).parents[2] / "frontend" / "web"
AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"
WCAG_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
BUNDLE_LIMIT_BYTES = 400_000
DESKTOP = (1280, 800)
PHONE = (375, 740)
Scheme = Literal["light", "dark"]


class SignedIn(NamedTuple):
    """A browser window of somebody who has a project with a second member."""

    page: Page
    platform: PlatformUnderTest
    app: str
    project: str


def sign_in(context: BrowserContext, platform: PlatformUnderTest, name: str) -> Page:
    page = context.new_page()
    come_in(page, platform.sign_in_link(name))
    return page


@pytest.fixture(scope="module")
def project(browser: Browser, platform: PlatformUnderTest) -> str:
    """The id of the administrator's project, where Emmy is a viewer."""
    platform.add_user("emmy")
    context = browser.new_context()
    api = sign_in(context, platform, "admin").request
    body = {"name": "Ring theory", "description": "Ideals, and <b>noetherian</b> ones."}
    answer = api.post(f"{platform.api}/projects", data=body, headers=WEB_HEADERS)
    project = cast(str, answer.json()["id"])
    url = f"{platform.api}/projects/{project}/members/emmy"
    assert api.put(url, data={"role": "viewer"}, headers=WEB_HEADERS).ok
    context.close()
    return project


@pytest.fixture
def admin(browser: Browser, platform: PlatformUnderTest, project: str) -> Iterator[SignedIn]:
    """The administrator at a desk."""
    context = browser.new_context(viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
    yield SignedIn(sign_in(context, platform, "admin"), platform, f"{platform.url}/services/collegium/", project)
    context.close()


def pages(project: str) -> dict[str, str]:
    """Return a heading of each page by the page's path."""
    return {
        "": "Projects",
        "?q=no-such-project-anywhere": "No project matches “no-such-project-anywhere”",
        f"projects/{project}": "Ring theory",
        "projects/unknown": "No such project",
        "account": "Account",
        "admin/users": "Users",
        "admin/projects": "All projects",
        "help": "Help",
        "nowhere/at/all": "There is no such page",
    }


def violations(page: Page) -> list[str]:
    """Return what axe finds against WCAG 2.2 AA on the page, one line per rule and element."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    options = {"runOnly": WCAG_AA}
    found = page.evaluate("async (options) => (await axe.run(document, options)).violations", options)
    return [f"{rule['id']}: {node['target']}: {node['failureSummary']}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_page_meets_wcag_aa_and_fits_the_window(
    browser: Browser, platform: PlatformUnderTest, project: str, scheme: Scheme, size: tuple[int, int]
) -> None:
    width, height = size
    # axe is put into the page, which the pages' own policy forbids for good reason
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce"
    )
    page = sign_in(context, platform, "admin")
    for path, heading in pages(project).items():
        page.goto(f"{platform.url}/services/collegium/{path}")
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    context.close()


def test_menus_and_dialogs_meet_wcag_aa(browser: Browser, platform: PlatformUnderTest, project: str) -> None:
    context = browser.new_context(bypass_csp=True, reduced_motion="reduce")
    page = sign_in(context, platform, "admin")
    page.keyboard.press("n")
    expect(page.get_by_role("dialog", name="New project")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    for number in range(8):  # more people than the list shows at once
        platform.add_user(f"reader{number}")
    page.goto(f"{platform.url}/services/collegium/projects/{project}?tab=people")
    page.get_by_label("Add a person").fill("e")
    expect(page.get_by_role("option").first).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="More actions for this project").click()
    expect(page.get_by_role("menuitem", name="Move to the trash")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("menuitem", name="Leave project").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_hubs_own_pages_meet_wcag_aa(browser: Browser, platform: PlatformUnderTest, scheme: Scheme) -> None:
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(platform.url)
    page.get_by_label("User name").fill("nobody")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("The user name or the password is wrong.")
    assert violations(page) == []
    page.goto(f"{platform.url}/hub/sign-in?link=used-up")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert violations(page) == []
    page.goto(f"{platform.url}/hub/no-such-page")
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    assert violations(page) == []
    context.close()


def test_pages_load_nothing_from_elsewhere_and_keep_their_content_policy(admin: SignedIn) -> None:
    asked: set[str] = set()
    complaints: list[str] = []
    admin.page.on("request", lambda request: asked.add(request.url))
    admin.page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    admin.page.on("pageerror", lambda error: complaints.append(str(error)))
    for path, heading in pages(admin.project).items():
        if path == "projects/unknown":
            continue  # a 404 is an error in the console, as it must be
        admin.page.goto(admin.app + path)
        expect(admin.page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    assert complaints == []
    assert {url for url in asked if not url.startswith((admin.platform.url, "data:"))} == set()


def test_signing_in_leads_back_to_the_address_that_was_asked_for(
    browser: Browser, platform: PlatformUnderTest, project: str
) -> None:
    platform.add_user("dorothea")
    context = browser.new_context()
    page = sign_in(context, platform, "dorothea")
    answer = page.request.put(f"{platform.api}/me/password", data={"new": "three green owls"}, headers=WEB_HEADERS)
    assert answer.ok, answer.text()
    page.get_by_role("button", name="Menu of").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()

    page.goto(f"{platform.url}/services/collegium/?q=ideal#top")
    page.get_by_label("User name").fill("Dorothea ")  # as a phone's keyboard writes it
    page.get_by_label("Password").fill("three green owls")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{platform.url}/services/collegium/?q=ideal#top")
    expect(page.get_by_role("searchbox")).to_have_value("ideal")
    context.close()


def test_a_wrong_current_password_is_told_and_does_not_sign_out(browser: Browser, platform: PlatformUnderTest) -> None:
    platform.add_user("olga")
    context = browser.new_context()
    page = sign_in(context, platform, "olga")
    page.get_by_role("link", name="Set a password").click()
    page.get_by_label("New password", exact=True).fill("three green owls")
    page.get_by_label("New password again").fill("three green owls")
    page.get_by_role("button", name="Set password").click()
    page.get_by_label("Current password").fill("three green owl")
    page.get_by_label("New password", exact=True).fill("four green owls")
    page.get_by_label("New password again").fill("four green owls")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_label("Current password")).to_have_attribute("aria-invalid", "true")
    assert page.url.endswith("/account#password")
    context.close()


def test_a_project_is_made_renamed_and_deleted_by_keyboard_alone(admin: SignedIn) -> None:
    page = admin.page
    page.keyboard.press("n")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type("Made by keys")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Made by keys")).to_be_visible()
    page.get_by_role("button", name="More actions for this project").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Rename or describe")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.type(" only")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Made by keys only")).to_be_visible()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("button", name="More actions for this project").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Rename or describe")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("menuitem", name="Move to the trash")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Made by keys only", exact=True)).to_be_hidden()


def test_the_colour_scheme_chosen_in_the_app_holds_on_the_sign_in_page(admin: SignedIn) -> None:
    page = admin.page
    page.get_by_role("button", name="Use dark colours").click()
    page.reload()
    expect(page.get_by_role("button", name="Use light colours")).to_be_visible()
    page.goto(f"{admin.platform.url}/hub/no-such-page")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.slow
def test_the_address_of_a_file_on_a_stopped_server_starts_it_and_opens_the_file(admin: SignedIn) -> None:
    page = admin.page
    folder = admin.platform.data_dir / "projects" / admin.project / "files" / "week 1"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ideals & rings #1+.md").write_text("# Principal ideals\n")
    server = f"{admin.platform.api}/projects/{admin.project}/server"
    page.request.delete(server, headers=WEB_HEADERS)
    lab = f"{admin.platform.url}/user/projects/{admin.project}/lab/tree/week%201"
    page.goto(f"{lab}/ideals%20&%20rings%20%231+.md")
    page.wait_for_url(f"{lab}/ideals*")
    expect(page.get_by_role("tab", name="ideals & rings #1+.md")).to_be_visible()
    page.request.delete(server, headers=WEB_HEADERS)


@pytest.mark.slow
def test_a_server_that_cannot_start_tells_why_and_starts_once_the_cause_is_gone(admin: SignedIn) -> None:
    page = admin.page
    answer = page.request.post(f"{admin.platform.api}/projects", data={"name": "Blocked"}, headers=WEB_HEADERS)
    project = answer.json()["id"]
    in_the_way = admin.platform.data_dir / "projects" / project
    in_the_way.parent.mkdir(exist_ok=True)
    in_the_way.write_text("a file where the project's folder belongs")
    page.goto(f"{admin.app}projects/{project}/open")
    expect(page.get_by_role("alert")).to_contain_text("The server did not start")
    in_the_way.unlink()
    page.get_by_role("button", name="Try again").click()
    page.wait_for_url(f"**/user/projects/{project}/lab**")
    page.request.delete(f"{admin.platform.api}/projects/{project}", headers=WEB_HEADERS)


def test_what_a_visitor_loads_stays_within_the_bundle_limit(admin: SignedIn) -> None:
    sizes = "performance.getEntriesByType('resource').map((entry) => [entry.name, entry.encodedBodySize])"
    page = admin.page.context.new_page()
    page.goto(admin.app)
    expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()
    page.wait_for_load_state("networkidle")
    loaded = {name: size for name, size in page.evaluate(sizes) if "/assets/" in name}
    page.close()
    assert any(name.endswith(".js") for name in loaded)
    assert 50_000 < sum(loaded.values()) <= BUNDLE_LIMIT_BYTES


def test_the_lock_file_names_no_registry() -> None:
    for folder in (WEB, WEB.parent / "proxy"):
        packages = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))["packages"]
        assert all("resolved" not in package for package in packages.values())
