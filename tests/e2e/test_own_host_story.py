"""Work at a project's own host: courses from inside JupyterLab, and a page whose server stops under it."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from courseware.notebooks import write_notebook
from tests.courseware.small_assignment import NAME, source_notebook
from tests.domains_under_test import sign_in_at
from tests.e2e.browsing import keep_picture
from tests.e2e.own_host import API, Campus, browser_of_domains, campus_in

pytestmark = pytest.mark.skipif(
    "COLLEGIUM_LAB_STORY" not in os.environ, reason="part of the extension's story: COLLEGIUM_LAB_STORY=1"
)


@pytest.fixture(scope="module")
def campus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campus]:
    with campus_in(tmp_path_factory.mktemp("domains")) as campus:
        yield campus


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browser_of_domains() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, campus: Campus) -> Iterator[Page]:
    """Ada's page, signed in at the platform."""
    page = sign_in_at(browser, campus.platform, "ada")
    yield page
    page.context.close()


def test_work_for_a_course_is_opened_and_checked_in_its_project(page: Page, campus: Campus) -> None:
    campus.lab(page, _with_an_assignment(campus))
    page.locator('[data-id="collegium-courses"]').first.click()
    work = page.get_by_role("article", name="ps1")
    expect(work.get_by_text("Not handed in yet.")).to_be_visible()
    work.get_by_role("button", name="Open").click()
    page.wait_for_selector(".jp-Notebook-cell")
    work.get_by_role("button", name="Check").click()
    expect(work.get_by_text("Nothing is missing. 1 file would be handed in.")).to_be_visible()
    keep_picture(page, "lab-own-host-course")
    with page.context.expect_page() as opened:
        work.get_by_role("button", name="To hand in").click()
    expect(opened.value).to_have_url(f"{campus.platform.url}/services/collegium/courses/sums")
    opened.value.get_by_role("button", name="Hand in", exact=True).click()
    expect(opened.value.get_by_role("dialog", name="Received")).to_be_visible()
    opened.value.close()
    page.get_by_role("button", name="Refresh").first.click()
    expect(work.get_by_text("Handed in just now.")).to_be_visible()


def _with_an_assignment(campus: Campus) -> str:
    """Release an assignment to Ada, and fetch it; return the project that it is in, whose server runs."""
    content = base64.b64encode(write_notebook(source_notebook())).decode()
    course, one = "/courses/sums", "/courses/sums/assignments/ps1"
    admin = campus.platform.client("admin")
    for method, path, body in (
        ("POST", "/courses", {"id": "sums", "title": "Sums", "instructors": ["mallory"]}),
        ("PUT", f"{course}/people/ada", {}),
        ("POST", f"{course}/assignments", {"name": "ps1"}),
        ("POST", f"{one}/versions", {"files": [{"path": NAME, "content_base64": content}]}),
        ("POST", f"{one}/release", {}),
    ):
        admin.request(method, path, json=body).raise_for_status()
    admin.close()
    project = str(campus.ada.post(f"{one}/fetch").raise_for_status().json()["project_id"])
    campus.platform.start_server(campus.ada, project)
    return project


def test_a_page_goes_on_when_its_server_was_stopped_under_it(page: Page, campus: Campus) -> None:
    project = campus.in_a_notebook(page)
    page.keyboard.insert_text("# written by Ada")
    page.locator('[data-id="collegium-project"]').first.click()
    _the_server_stops_under_the_page(campus, page, project)
    expect(page.get_by_text("# written by Ada once twice thrice")).to_be_visible()


def _the_server_stops_under_the_page(campus: Campus, page: Page, project: str) -> None:
    """Three times: what is typed meanwhile is kept, and the page goes on without being loaded again."""
    loaded, asked = page.evaluate("performance.timeOrigin"), list[int]()
    page.on("response", lambda it: asked.append(it.status) if it.url.endswith(f"{API}/projects/{project}") else None)
    stopped = _stop_and_type(campus, page, project, " once")
    with page.context.expect_page() as opened:
        stopped.get_by_role("button", name="Open the project").click()
    opened.value.wait_for_url(f"{campus.platform.origin(project)}/lab**")
    opened.value.close()
    _goes_on(page, asked)

    # Somebody else starts it: the page signs in again by itself.
    _stop_and_type(campus, page, project, " twice").get_by_role("button", name="Not now").click()
    campus.platform.start_server(campus.ada, project)
    _goes_on(page, asked)

    # Where the project's domain is another site than the platform, browsers let only a person do that.
    page.route("**/signed-in", lambda route: route.abort())
    _stop_and_type(campus, page, project, " thrice").get_by_role("button", name="Not now").click()
    campus.platform.start_server(campus.ada, project)
    notice = page.locator(".Toastify__toast", has_text="You are signed out here")
    expect(notice).to_be_visible()
    keep_picture(page, "lab-sign-in-again")
    with page.expect_popup() as popup:
        notice.get_by_role("button", name="Sign in").click()
    if not popup.value.is_closed():
        popup.value.wait_for_event("close")
    _goes_on(page, asked)
    expect(notice).to_have_count(0)
    assert page.evaluate("performance.timeOrigin") == loaded


def _stop_and_type(campus: Campus, page: Page, project: str, words: str) -> Locator:
    """Stop the server and type meanwhile; return what the page asks."""
    page.locator(".jp-Notebook-cell .cm-content").last.click()
    page.keyboard.press("End")
    campus.ada.delete(f"/projects/{project}/server").raise_for_status()
    expect(page.locator(".collegium-SaveStatus")).to_have_text("Offline: kept here")
    page.keyboard.insert_text(words)
    asked = page.get_by_role("dialog").filter(has_text="The project's server has stopped")
    expect(asked).to_be_visible()
    return asked


def _goes_on(page: Page, asked: list[int]) -> None:
    """It is known at its server again, and at the platform, which its panel asks when it is connected again."""
    expect(page.locator(".collegium-SaveStatus")).to_have_text("Saved")
    deadline = time.monotonic() + 120
    while asked[-1:] != [200]:
        assert time.monotonic() < deadline, asked
        page.wait_for_timeout(100)
    asked.clear()
