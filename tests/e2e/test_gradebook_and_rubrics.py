"""Scores typed into the gradebook, and rubrics that assignments share, in a real browser."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.courseware.small_assignment import HONEST, NAME, answered, source_notebook
from tests.courseware.test_graders_are_limited import files
from tests.e2e.browsing import accessible, keep_picture, sign_in
from tests.platform_under_test import PlatformUnderTest

SCREENSHOTS = Path("test-results")
STUDENTS = {"gb-ann": ("Ann", "Green"), "gb-ben": ("Ben", "Blue"), "gb-cyd": ("Cyd", "Brown")}


@pytest.fixture(scope="module")
def submissions(platform: PlatformUnderTest) -> dict[str, int]:
    """A course of two assignments with a submission of two students each; the numbers of those to the first."""
    for name in ("gb-ada", "gb-greg", *STUDENTS):
        platform.add_user(name)
    operate = platform.operate
    operate("POST", "/courses", {"id": "gb", "title": "Optics", "instructors": ["gb-ada"]})
    operate("PUT", "/courses/gb/people/gb-greg", {"role": "grader"})
    for name, (first, last) in STUDENTS.items():
        operate("PUT", f"/courses/gb/people/{name}", {"first_name": first, "last_name": last})
    made = {}
    for assignment in ("ps1", "ps2"):
        operate("POST", "/courses/gb/assignments", {"name": assignment, "category": "homework"})
        operate("POST", f"/courses/gb/assignments/{assignment}/versions", files(source_notebook()))
        operate("POST", f"/courses/gb/assignments/{assignment}/release", {})
        for name in ("gb-ann", "gb-ben"):
            with contextlib.closing(platform.client(name)) as student:
                path = f"/courses/gb/assignments/{assignment}/submissions"
                made[name, assignment] = student.post(path, json=files(answered(HONEST))).json()["submission"]
    return {name: made[name, "ps1"] for name in ("gb-ann", "gb-ben")}


def go(page: Page, platform: PlatformUnderTest, path: str) -> None:
    page.goto(f"{platform.url}/services/collegium/courses/gb{path}")


def read(page: Page, platform: PlatformUnderTest, path: str) -> Any:
    return page.request.get(f"{platform.api}/courses/gb{path}").json()


def cell(page: Page, name: str, column: str = "Talk") -> Locator:
    return page.get_by_role("textbox", name=f"{column} of {name}, of 20")


def is_saved(page: Page, platform: PlatformUnderTest, user: str, text: str) -> None:
    """Wait until a column has a score."""
    column = next(c for c in read(page, platform, "/columns")["items"] if c["name"] == "Talk")["id"]
    page.wait_for_function(
        """async ([path, text]) => {
            const [last] = (await (await fetch(path)).json()).items;
            return last && (last.is_excused ? "excused" : String(last.score)) === text;
        }""",
        arg=[f"{platform.api}/courses/gb/columns/{column}/scores/{user}", text],
    )


def pasted(page: Page, target: Locator, text: str) -> None:
    target.focus()
    target.evaluate(
        """(input, text) => {
            const data = new DataTransfer();
            data.setData("text/plain", text);
            input.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }""",
        text,
    )


def test_scores_are_typed_taken_back_and_explained(
    browser: Browser, platform: PlatformUnderTest, submissions: dict[str, int]
) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    ada = sign_in(browser, platform, "gb-ada")
    go(ada, platform, "?tab=gradebook")
    ada.get_by_role("button", name="Add a column").click()
    dialog = ada.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Talk")
    dialog.get_by_label("Points").fill("20")
    ada.screenshot(path=SCREENSHOTS / "column-dialog.png")
    accessible(ada)
    dialog.get_by_role("button", name="Add", exact=True).click()

    first = cell(ada, "Ben Blue")  # the first by last name
    first.click()
    ada.keyboard.type("15,5")
    ada.keyboard.press("Enter")
    expect(cell(ada, "Cyd Brown")).to_be_focused()
    ada.keyboard.type("ex")
    ada.keyboard.press("Enter")
    ada.keyboard.type("21")
    expect(cell(ada, "Ann Green")).to_have_attribute("aria-invalid", "true")
    expect(ada.get_by_text("21 is not from 0 to 20")).to_be_visible()
    ada.keyboard.press("Enter")  # stays where it is wrong
    expect(cell(ada, "Ann Green")).to_be_focused()
    ada.keyboard.press("Escape")
    ada.keyboard.type("8")
    ada.keyboard.press("ArrowUp")
    is_saved(ada, platform, "gb-ann", "8")
    is_saved(ada, platform, "gb-ben", "15.5")
    expect(cell(ada, "Cyd Brown")).to_have_value("excused")
    ada.screenshot(path=SCREENSHOTS / "gradebook-typing.png")
    keep_picture(ada, "gradebook")
    accessible(ada)

    ada.keyboard.press("Control+z")
    expect(cell(ada, "Ann Green")).to_have_value("")
    expect(ada.get_by_text("Taken back: the score of gb-ann.")).to_be_visible()
    pasted(ada, first, "12\n13\n14\n")
    is_saved(ada, platform, "gb-ann", "14")
    expect(cell(ada, "Cyd Brown")).to_have_value("13")
    ada.get_by_role("button", name="Undo 3 scores").click()
    expect(first).to_have_value("15.5")
    expect(cell(ada, "Cyd Brown")).to_have_value("excused")

    first.focus()
    ada.keyboard.press("?")
    history = ada.get_by_role("dialog", name="Talk of Ben Blue")
    expect(history.get_by_role("row")).to_have_count(4)
    history.get_by_label("Note").fill("heard twice")
    history.get_by_role("button", name="Keep the note").click()
    expect(history.get_by_role("cell", name="heard twice")).to_be_visible()
    ada.screenshot(path=SCREENSHOTS / "score-history.png")
    accessible(ada)
    ada.keyboard.press("Escape")

    _conflicts(browser, platform, ada)
    ada.context.close()


def _conflicts(browser: Browser, platform: PlatformUnderTest, ada: Page) -> None:
    """Two people at one cell: the slower one is told, and nothing is overwritten."""
    greg = sign_in(browser, platform, "gb-greg")
    go(greg, platform, "?tab=gradebook")
    expect(greg.get_by_role("button", name="Add a column")).to_have_count(0)
    cell(greg, "Ann Green").fill("5")
    cell(ada, "Ann Green").fill("6")
    ada.keyboard.press("Enter")
    is_saved(ada, platform, "gb-ann", "6")
    greg.keyboard.press("Enter")
    expect(cell(greg, "Ann Green")).to_have_value("6")
    expect(cell(greg, "Ann Green")).to_have_attribute("aria-invalid", "true")
    expect(greg.get_by_text("gb-ada set gb-ann to 6")).to_be_visible()
    greg.screenshot(path=SCREENSHOTS / "gradebook-conflict.png")
    greg.context.close()


def test_a_rubric_is_shared_and_its_change_is_shown_before_marks_follow(
    browser: Browser, platform: PlatformUnderTest, submissions: dict[str, int]
) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    ada = sign_in(browser, platform, "gb-ada")
    go(ada, platform, "?tab=rubrics")
    expect(ada.get_by_role("heading", name="No rubrics yet")).to_be_visible()
    ada.get_by_role("button", name="Add a rubric").click()
    dialog = ada.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Style")
    dialog.get_by_label("Item 1", exact=True).fill("No units")
    dialog.get_by_role("button", name="Add an item").click()
    dialog.get_by_label("Item 2", exact=True).fill("Names say nothing")
    dialog.get_by_label("Points of item 2").fill("-0.5")
    dialog.get_by_role("button", name="Add", exact=True).click()
    style = ada.get_by_role("region", name="Style")
    for question in ("ps1: hidden", "ps2: hidden"):
        style.get_by_role("combobox", name="Offer Style at another question").click()
        ada.get_by_role("option", name=question).click()
        expect(style.get_by_role("button", name=f"Offer Style no more at {question}")).to_be_visible()

    go(ada, platform, f"/assignments/ps1/marking?submission={submissions['gb-ann']}&question={NAME} hidden")
    form = ada.get_by_role("form", name="Mark of hidden")
    expect(form.get_by_label("No units")).to_be_visible()
    ada.keyboard.press("1")
    ada.keyboard.press("2")
    expect(form.get_by_label("Points of 3")).to_have_value("1.5")
    ada.screenshot(path=SCREENSHOTS / "marking-rubric.png", full_page=True)
    keep_picture(ada, "marking")
    accessible(ada)
    ada.keyboard.press("s")
    expect(ada.get_by_text("hidden is marked.")).to_be_visible()
    ada.request.post(f"{platform.api}/courses/gb/assignments/ps1/feedback", headers={"X-Collegium-Client": "test"})
    second = next(s for s in read(ada, platform, "/assignments/ps2/submissions")["items"] if s["user_name"] == "gb-ben")
    go(ada, platform, f"/assignments/ps2/marking?submission={second['id']}&question={NAME} hidden")
    form.get_by_label("No units").check()
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_text("marked by gb-ada")).to_be_visible()  # the form is that of the saved mark now

    form.get_by_role("button", name="Change “Style”").click()
    editing = ada.get_by_role("dialog", name="Rubric “Style”")
    editing.get_by_label("Points of item 1").fill("-2")
    expect(editing.get_by_text("One mark changes")).to_be_visible()
    expect(editing.get_by_label("Change also 1 that students have seen")).not_to_be_checked()
    ada.screenshot(path=SCREENSHOTS / "rubric-effects.png")
    keep_picture(ada, "rubric-effects")
    accessible(ada)
    ada.context.close()
