"""A learning platform is registered, a course is launched from it and linked, and its people are taken over."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from courseware.lti import LINKING_CLAIM
from tests.courseware.learning_platform import CLIENT, DEPLOYMENT, LearningPlatform, learning_platform
from tests.e2e.browsing import accessible, keep_picture, sign_in
from tests.platform_under_test import PlatformUnderTest

pytestmark = pytest.mark.e2e


@pytest.fixture
def school(platform: PlatformUnderTest) -> Iterator[LearningPlatform]:
    with learning_platform() as running:
        running.keys_of_tool = f"{platform.url}/services/collegium/lti/keys"
        yield running


def register(admin: Page, platform: PlatformUnderTest, school: LearningPlatform) -> None:
    admin.goto(f"{platform.url}/services/collegium/admin/learning-platforms")
    expect(admin.get_by_label("Initiate login URL")).to_have_value(f"{platform.url}/services/collegium/lti/login")
    admin.get_by_role("button", name="Register a platform").click()
    dialog = admin.get_by_role("dialog")
    dialog.get_by_role("button", name="Register").click()
    expect(dialog.get_by_text("It is needed.").first).to_be_visible()
    given = {
        "Name": "Riverside Moodle", "Issuer": school.url, "Client ID": CLIENT, "Deployment IDs": DEPLOYMENT,
        "Authentication request URL": f"{school.url}/auth", "Access token URL": f"{school.url}/token",
        "Public keyset URL": f"{school.url}/keys",
    }  # fmt: skip
    for label, value in given.items():
        dialog.get_by_label(label, exact=True).fill(value)
    accessible(admin)
    keep_picture(admin, "learning-platform-register")
    dialog.get_by_role("button", name="Register").click()
    expect(admin.get_by_role("list", name="Learning platforms")).to_contain_text("Riverside Moodle")
    accessible(admin)


def launch(browser: Browser, platform: PlatformUnderTest, school: LearningPlatform) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.goto(school.activity_url(f"{platform.url}/services/collegium/lti"))
    page.get_by_role("button", name="Sign in").click()
    return page


def add_activities(teacher: Page, platform: PlatformUnderTest, school: LearningPlatform) -> None:
    """Add activities from within a frame of the learning platform: they are chosen in a window of their own."""
    tool = f"{platform.url}/services/collegium/lti"
    teacher.goto(f"{school.url}/adding?tool={tool}")
    frame = teacher.frame_locator("iframe")
    with teacher.expect_popup() as opened:
        frame.get_by_role("link", name="Open Collegium").click()
    expect(frame.get_by_text("Collegium is open in another window")).to_be_visible()
    window = opened.value
    window.get_by_role("button", name="Sign in").click()
    expect(window.get_by_role("heading", name="Add activities")).to_be_visible()
    expect(frame.get_by_text("Choose in the other window")).to_be_visible()
    expect(window.get_by_role("button", name="Add", exact=True)).to_be_disabled()
    expect(window.get_by_text("not released yet, has an activity already")).to_be_visible()
    window.get_by_role("checkbox", name="ps1").check()
    window.get_by_role("checkbox", name="The whole course").check()
    accessible(window)
    keep_picture(window, "learning-platform-activities")
    window.get_by_role("button", name="Add 2 activities").click()
    expect(window.get_by_role("heading", name="Added")).to_be_visible()
    expect(frame.get_by_text("The activities were added.")).to_be_visible()
    titles = [item["title"] for item in school.chosen[-1][LINKING_CLAIM + "content_items"]]  # type: ignore[attr-defined]
    assert titles == ["ps1", "Rivers"]

    teacher.goto(school.activity_url(tool, "linking"))  # not within a frame: the page itself goes back
    teacher.get_by_role("button", name="Sign in").click()
    teacher.get_by_role("checkbox", name="ps1").check()
    teacher.get_by_role("button", name="Add", exact=True).click()
    expect(teacher.get_by_text("The activities were added.")).to_be_visible()


@pytest.mark.timeout(240)
def test_a_course_is_registered_launched_linked_and_filled(
    browser: Browser, platform: PlatformUnderTest, school: LearningPlatform
) -> None:
    admin = sign_in(browser, platform, "admin")
    register(admin, platform, school)
    launch(browser, platform, school).context.close()  # makes the instructor's account
    with contextlib.closing(platform.client("admin")) as client:
        made = client.post("/courses", json={"id": "river", "title": "Rivers", "instructors": ["lti-theo"]})
        assert made.status_code == 201, made.text
        assert client.post("/courses/river/assignments", json={"name": "ps1"}).status_code == 201

    teacher = launch(browser, platform, school)
    expect(teacher.get_by_role("heading", name="Link a course")).to_be_visible()
    teacher.get_by_role("combobox", name="Course").click()
    teacher.get_by_role("option", name=re.compile("Rivers")).click()
    teacher.get_by_role("button", name="Link", exact=True).click()
    teacher.get_by_role("tab", name="Learning platform").click()
    expect(teacher.get_by_text("Nobody has opened an activity")).to_be_visible()

    school.members = [
        {"user_id": "theo", "roles": ["Instructor"], "name": "Theo Teach"},
        {"user_id": "nia", "roles": ["Learner"], "given_name": "Nia", "family_name": "New"},
    ]
    teacher.get_by_role("button", name="Update the roster").click()
    expect(teacher.get_by_text("2 people over there, 1 of them new here")).to_be_visible()
    teacher.get_by_role("tab", name="People").click()
    expect(teacher.get_by_role("cell", name="Nia New")).to_be_visible()

    launched = launch(browser, platform, school)
    launched.get_by_role("tab", name="Learning platform").click()
    launched.get_by_role("combobox", name="Where Week 1 leads").click()
    launched.get_by_role("option", name="ps1").click()
    launched.get_by_role("button", name="Send scores").click()
    expect(launched.get_by_text("The scores are not returned yet")).to_be_visible()
    accessible(launched)
    keep_picture(launched, "learning-platform-course")

    teacher.context.close()
    add_activities(launched, platform, school)
    admin.get_by_role("button", name="Remove Riverside Moodle").click()
    admin.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(admin.get_by_text("Riverside Moodle")).to_have_count(0)
    assert school.problems == []
