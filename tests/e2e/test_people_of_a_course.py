"""Who is in a course, on its page: what a grader grades, groups of the platform, one person at a time."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.courseware.small_assignment import HONEST, answered, source_notebook
from tests.courseware.test_graders_are_limited import files
from tests.e2e.browsing import PHONE, WIDE, accessible, keep_picture, sign_in
from tests.platform_under_test import PlatformUnderTest

SCREENSHOTS = Path("test-results")
STUDENTS = {"ppl-ann": "A", "ppl-ben": "B"}


@pytest.fixture(scope="module")
def course(platform: PlatformUnderTest) -> str:
    """A course of two sections with a submission of each, and somebody who is to grade."""
    for name, shown in (
        ("ppl-ada", "Ada Teacher"), ("ppl-greg", "Greg Grader"), ("ppl-ann", "Ann Green"), ("ppl-ben", "Ben Blue"),
        ("ppl-zoe", "Zoe Zimmer"),
    ):  # fmt: skip
        platform.add_user(name, shown)
    operate = platform.operate
    operate("POST", "/courses", {"id": "ppl", "title": "Mechanics", "instructors": ["ppl-ada"]})
    operate("PUT", "/courses/ppl/people/ppl-greg", {"role": "grader", "first_name": "Greg", "last_name": "Grader"})
    for name in ("ps1", "ps2"):
        operate("POST", "/courses/ppl/assignments", {"name": name})
        operate("POST", f"/courses/ppl/assignments/{name}/versions", files(source_notebook()))
        operate("POST", f"/courses/ppl/assignments/{name}/release", {})
    for name, section in STUDENTS.items():
        first = name.split("-")[1].title()
        person = {"section": section, "first_name": first, "last_name": "Student"}
        operate("PUT", f"/courses/ppl/people/{name}", person)
        with contextlib.closing(platform.client(name)) as student:
            work = files(answered(HONEST))
            student.post("/courses/ppl/assignments/ps1/submissions", json=work).raise_for_status()
    return "ppl"


def people_page(page: Page, platform: PlatformUnderTest) -> None:
    page.goto(f"{platform.url}/services/collegium/courses/ppl?tab=people")
    expect(page.get_by_text(re.compile(r"^\d people$"))).to_be_visible()


def test_an_instructor_decides_what_a_grader_grades(browser: Browser, platform: PlatformUnderTest, course: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    ada, greg = (sign_in(browser, platform, name) for name in ("ppl-ada", "ppl-greg"))
    people_page(ada, platform)
    ada.get_by_role("button", name="Change the part of Greg Grader").click()
    dialog = ada.get_by_role("dialog")
    expect(dialog.get_by_text("Grades the work of all students on every assignment.")).to_be_visible()
    dialog.get_by_role("radio", name="Only a part").check()
    expect(dialog.get_by_role("button", name="Save")).to_be_disabled()
    for label, choice in (("Sections", "A"), ("Assignments", "ps1")):
        dialog.get_by_role("combobox", name=label).click()
        ada.get_by_role("option", name=choice, exact=True).click()
        ada.keyboard.press("Escape") if ada.get_by_role("option").first.is_visible() else None
    expect(dialog.get_by_text("Grades the work of students of section A on ps1.")).to_be_visible()
    ada.screenshot(path=SCREENSHOTS / "grader-limits.png")
    keep_picture(ada, "grader-limits")
    accessible(ada)
    dialog.get_by_role("button", name="Save").click()
    expect(ada.get_by_text("only section A · ps1")).to_be_visible()

    greg.goto(f"{platform.url}/services/collegium/courses/ppl")
    others = greg.get_by_role("region", name="ps2")
    expect(others.get_by_text("Others grade this assignment.")).to_be_visible()
    expect(others.get_by_role("link", name="Mark")).to_have_count(0)
    mine = greg.get_by_role("region", name="ps1")
    expect(mine.get_by_text("1 handed in")).to_be_visible()
    greg.screenshot(path=SCREENSHOTS / "limited-grader.png")
    mine.get_by_role("link", name="Mark").click()
    greg.get_by_role("switch", name="Names").check()
    expect(greg.get_by_role("heading", name="ppl-ann")).to_be_visible()
    expect(greg.get_by_text("ppl-ben")).to_have_count(0)
    greg.goto(f"{platform.url}/services/collegium/courses/ppl/assignments/ps2/marking")
    expect(greg.get_by_text("not “ps2”")).to_be_visible()
    for page in (ada, greg):
        page.context.close()


def test_a_group_of_the_platform_fills_a_course(browser: Browser, platform: PlatformUnderTest, course: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    platform.collegium("group", "add", "mechanics-2026", "ppl-ada", "ppl-zoe")
    ada = sign_in(browser, platform, "ppl-ada")
    people_page(ada, platform)
    groups = ada.get_by_role("region", name="Groups of the platform")
    expect(groups.get_by_text("No group is linked")).to_be_visible()
    groups.get_by_role("button", name="Link a group").click()
    dialog = ada.get_by_role("dialog")
    dialog.get_by_label("Name of the group").fill("mechanics-2025")
    dialog.get_by_role("button", name="Link and enrol").click()
    expect(dialog.get_by_text("groups that you are in yourself")).to_be_visible()
    dialog.get_by_label("Name of the group").fill("mechanics-2026")
    dialog.get_by_label("Section").fill("A")
    dialog.get_by_role("button", name="Link and enrol").click()
    expect(groups.get_by_role("row").filter(has_text="mechanics-2026")).to_contain_text("Students, section A")
    expect(ada.get_by_role("row").filter(has_text="ppl-zoe")).to_be_visible()
    ada.screenshot(path=SCREENSHOTS / "hub-groups.png", full_page=True)
    groups.scroll_into_view_if_needed()
    ada.mouse.wheel(0, 2000)
    keep_picture(ada, "hub-groups")
    accessible(ada)
    ada.set_viewport_size(PHONE)
    accessible(ada)
    ada.screenshot(path=SCREENSHOTS / "hub-groups-phone.png", full_page=True)
    ada.set_viewport_size(WIDE)
    platform.collegium("group", "remove", "mechanics-2026", "ppl-zoe")
    groups.get_by_role("button", name="Update now").click()
    expect(ada.get_by_role("row").filter(has_text="ppl-zoe")).to_have_count(0)
    groups.get_by_role("button", name="End the link with mechanics-2026").click()
    ada.get_by_role("dialog").get_by_role("button", name="End the link").click()
    expect(groups.get_by_text("No group is linked")).to_be_visible()

    ada.get_by_role("button", name="Enrol a person").click()
    ada.get_by_role("textbox", name="Who").fill("Zoe")
    ada.get_by_role("option", name=re.compile("Zoe Zimmer")).click()
    dialog = ada.get_by_role("dialog", name="Enrol Zoe Zimmer")
    dialog.get_by_label("Section").fill("B")
    dialog.get_by_role("button", name="Enrol", exact=True).click()
    expect(ada.get_by_role("row").filter(has_text="ppl-zoe")).to_contain_text("student")
    ada.context.close()
