"""The instructor guide's story in a real browser: a class of the demo, one of nbgrader's example, end to end."""

from __future__ import annotations

import contextlib
import csv
import io
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.courseware.conftest import EXAMPLES
from tests.e2e.browsing import PHONE, WIDE, accessible, come_in, keep_picture, sign_in
from tests.platform_under_test import PlatformUnderTest

SCREENSHOTS = Path("test-results")
STUDENTS = ("story-ann", "story-bo", "story-cy")


def go(page: Page, platform: PlatformUnderTest, path: str) -> None:
    page.goto(f"{platform.url}/services/collegium{path}")


def people(platform: PlatformUnderTest, *names: str) -> dict[str, str]:
    """Make accounts; return the link that signs each in once."""
    with contextlib.closing(platform.client("admin")) as admin:
        return {name: admin.post("/users", json={"name": name}).json()["sign_in_link"]["url"] for name in names}


def page_of(browser: Browser, link: str) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    come_in(page, link)
    return page


@pytest.mark.timeout(900)
def test_a_class_from_enrolment_to_export(browser: Browser, platform: PlatformUnderTest, tmp_path: Path) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    links = people(platform, "story-teacher", *STUDENTS)
    platform.collegium("course", "create", "story", "Physics I", "--instructor", "story-teacher", "--term", "2026")

    teacher = page_of(browser, links["story-teacher"])
    teacher.get_by_role("link", name="Courses").click()
    teacher.get_by_role("link", name="Physics I").click()
    teacher.get_by_role("tab", name="People").click()
    teacher.get_by_role("button", name="Enrol a roster").click()
    lines = "".join(f"{name},{name.split('-')[1].title()},Student\n" for name in STUDENTS)
    teacher.get_by_label("Roster as CSV").fill("user_name,first_name,last_name\n" + lines)
    teacher.get_by_role("button", name="Enrol", exact=True).click()
    expect(teacher.get_by_text("4 people")).to_be_visible()

    teacher.get_by_role("tab", name="Assignments").click()
    teacher.get_by_role("button", name="Add an assignment").click()
    dialog = teacher.get_by_role("dialog")
    dialog.get_by_label("Name").fill("ps1")
    files = [path for path in sorted((EXAMPLES / "source/ps1").iterdir()) if path.is_file()]
    with teacher.expect_file_chooser() as chooser:
        dialog.get_by_label("Files").click()
    chooser.value.set_files(files)
    dialog.get_by_role("button", name="Check and add").click()
    card = teacher.get_by_role("region", name="ps1")
    card.get_by_role("button", name="Release").click()
    expect(card.get_by_text("version 1")).to_be_visible()
    _set_times(teacher, card, platform)

    students: dict[str, Page] = {}
    for name, work in zip(STUDENTS, ("bitdiddle", "hacker", "bitdiddle"), strict=True):
        page = page_of(browser, links[name])
        students[name] = page
        go(page, platform, "/courses/story")
        mine = page.get_by_role("region", name="ps1")
        mine.get_by_role("button", name="Fetch the assignment").click()
        expect(mine.get_by_role("link", name="Open")).to_be_visible()
        project = page.request.get(f"{platform.api}/courses/story/assignments/ps1/work").json()["project_id"]
        folder = next(platform.data_dir.glob(f"projects/{project}/files"))
        for path in (EXAMPLES / "submitted" / work / "ps1").glob("*.ipynb"):
            (folder / "ps1" / path.name).write_bytes(path.read_bytes())
        mine.get_by_role("button", name="Hand in", exact=True).click()
        expect(page.get_by_role("dialog").get_by_text("was received on")).to_be_visible()
        page.screenshot(path=SCREENSHOTS / "receipt.png")

    deadline = time.monotonic() + 300
    progress = f"{platform.api}/courses/story/assignments/ps1/gradings"
    while teacher.request.get(progress).json()["states"] != {"done": 3}:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    teacher.reload()
    expect(card.get_by_text("3 handed in")).to_be_visible()
    card.get_by_role("link", name="Mark").click()
    expect(teacher.get_by_role("heading", name="Marking ps1")).to_be_visible()
    expect(teacher.get_by_text("story-ann")).to_have_count(0)  # marking is anonymous
    form = teacher.get_by_role("form").filter(has=teacher.get_by_text("open", exact=True)).first
    form.get_by_label("Comment").fill("Well **seen**: $e^x$ grows.")
    form.get_by_role("button", name="Full").click()
    expect(teacher.get_by_text("is marked.").first).to_be_visible()
    teacher.screenshot(path=SCREENSHOTS / "marking.png")
    before = teacher.url
    teacher.keyboard.press("Escape")
    teacher.locator("body").press("n")
    expect(teacher).not_to_have_url(before)

    go(teacher, platform, "/courses/story")
    card.get_by_role("button", name="Return scores").click()
    expect(card.get_by_text("returned")).to_be_visible()
    ann = students[STUDENTS[0]]
    go(ann, platform, "/courses/story")
    ann.get_by_role("link", name=re.compile("^Submission")).first.click()
    expect(ann.get_by_role("heading", name="Scores", exact=True)).to_be_visible()
    ann.screenshot(path=SCREENSHOTS / "returned.png")

    teacher.get_by_role("tab", name="Gradebook").click()
    teacher.get_by_role("button", name=re.compile(r"^\d")).first.click()
    expect(teacher.get_by_text("SHA-256 of the submission")).to_be_visible()
    teacher.keyboard.press("Escape")
    _set_letters(teacher)
    _copy_and_archive(teacher)
    platform.collegium("gradebook", "export", "story", str(tmp_path / "grades.csv"))
    rows = list(csv.DictReader(io.StringIO((tmp_path / "grades.csv").read_text())))
    assert {row["user_name"] for row in rows} == set(STUDENTS)
    assert all(float(row["ps1"]) > 0 for row in rows)
    for page in (teacher, *students.values()):
        page.context.close()


def _set_times(teacher: Page, card: Locator, platform: PlatformUnderTest) -> None:
    """An exam of ninety minutes, a penalty by the hour, and more time for one."""
    card.get_by_role("button", name="Times").click()
    dialog = teacher.get_by_role("dialog")
    dialog.get_by_label("Due").fill("2099-06-01T12:00")
    dialog.get_by_label("Penalty, in %").fill("5")
    dialog.get_by_role("combobox", name="for each begun").click()
    teacher.get_by_role("option", name="hour").click()
    dialog.get_by_label("Time limit, in minutes").fill("90")
    teacher.screenshot(path=SCREENSHOTS / "times.png")
    dialog.get_by_role("button", name="Save").click()
    expect(card.get_by_text("90 minutes from opening")).to_be_visible()
    card.get_by_role("button", name="Extensions").click()
    expect(dialog.get_by_text("Nobody has more time")).to_be_visible()
    for who in ("Ann Student", "Bo Student"):
        dialog.get_by_role("combobox", name="Who").click()
        teacher.get_by_role("option", name=who).click()
        dialog.get_by_label("Time in the exam, times").fill("1.5")
        dialog.get_by_role("button", name="Grant", exact=True).click()
        expect(dialog.get_by_role("row").filter(has_text=who)).to_contain_text("1.5 times the time of the exam")
    keep_picture(teacher, "extensions")
    dialog.get_by_role("button", name="Take back what Bo Student").click()
    expect(dialog.get_by_role("row").filter(has_text="Bo Student")).to_have_count(0)
    teacher.keyboard.press("Escape")
    found = teacher.request.get(f"{platform.api}/courses/story/assignments/ps1/accommodations").json()["items"]
    assert [(row["user_name"], row["time_multiplier"], row["extension_seconds"]) for row in found] == [
        ("story-ann", 1.5, 86_400)
    ]
    (item,) = teacher.request.get(f"{platform.api}/courses/story/assignments").json()["items"]
    assert item["schedule"]["time_limit_seconds"] == 5_400
    assert item["schedule"]["penalty"] == {"fraction_per_step": 0.05, "step_seconds": 3_600, "cap": 1, "table": []}


def _set_letters(teacher: Page) -> None:
    """A letter for all from nothing on, and the lowest assignment dropped."""
    teacher.get_by_role("button", name="How the grade is made").click()
    dialog = teacher.get_by_role("dialog")
    dialog.get_by_role("button", name="Add a letter").click()
    dialog.get_by_role("textbox", name="Letter").fill("P")
    teacher.screenshot(path=SCREENSHOTS / "grading.png")
    dialog.get_by_role("button", name="Save").click()
    expect(teacher.get_by_role("cell", name="P", exact=True).first).to_be_visible()


def _copy_and_archive(teacher: Page) -> None:
    """The course of the next term, and the end of this one."""
    teacher.get_by_role("button", name="More for this course").click()
    teacher.get_by_role("menuitem", name="Copy for the next term").click()
    dialog = teacher.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Id", exact=True).fill("story-2027")
    dialog.get_by_label("Term").fill("2027")
    teacher.screenshot(path=SCREENSHOTS / "copy.png")
    dialog.get_by_role("button", name="Copy").click()
    expect(teacher.get_by_role("region", name="ps1").get_by_text("not released")).to_be_visible()
    teacher.get_by_role("link", name="Courses", exact=True).last.click()
    teacher.get_by_role("link", name="Physics I").last.click()
    teacher.get_by_role("button", name="More for this course").click()
    teacher.get_by_role("menuitem", name="Settings and archive").click()
    dialog.get_by_label("Archived").check()
    dialog.get_by_role("button", name="Save").click()
    expect(teacher.get_by_text("archived", exact=True)).to_be_visible()


@pytest.mark.timeout(900)
def test_the_demo_class_is_there_and_graded(browser: Browser, platform: PlatformUnderTest) -> None:
    said = platform.collegium("demo", "class", "demo", "--instructor", "demo-ada", "--students", "12").stdout
    assert "All are graded" in said
    teacher = sign_in(browser, platform, "demo-ada")
    go(teacher, platform, "/courses/demo?tab=gradebook")
    expect(teacher.get_by_text("Amira Haddad").first).to_be_visible()
    scores = [cell for row in _gradebook(teacher, platform) for cell in row["cells"] if cell["score"] is not None]
    assert len(scores) > 15
    assert len({cell["score"] for cell in scores}) > 3
    teacher.screenshot(path=SCREENSHOTS / "gradebook.png")
    go(teacher, platform, "/courses/demo")
    expect(teacher.get_by_text("handed in").first).to_be_visible()
    teacher.screenshot(path=SCREENSHOTS / "course.png")
    go(teacher, platform, "/courses/demo/assignments/temperatures/marking")
    expect(teacher.get_by_role("form").first).to_be_visible()
    teacher.screenshot(path=SCREENSHOTS / "marking-demo.png")
    for scheme, size in (("light", WIDE), ("dark", PHONE)):
        teacher.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        teacher.set_viewport_size(size)
        for path in ("/assignments/temperatures/marking", "?tab=audit", "?tab=gradebook", "?tab=nothing"):
            go(teacher, platform, f"/courses/demo{path}")
            way_back = teacher.locator("#main").get_by_role("link", name=re.compile("^(Courses|Back to the course)$"))
            expect(way_back).to_be_visible()
            teacher.wait_for_load_state("networkidle")
            accessible(teacher)
            teacher.screenshot(path=SCREENSHOTS / f"course-{scheme}-{path.rpartition('=')[2].rpartition('/')[2]}.png")
    expect(teacher.get_by_role("heading", name="temperatures")).to_be_visible()  # an unknown tab leads to the first
    teacher.context.close()


def _gradebook(page: Page, platform: PlatformUnderTest) -> list[dict[str, list[dict[str, float | None]]]]:
    rows: list[dict[str, list[dict[str, float | None]]]] = page.request.get(
        f"{platform.api}/courses/demo/gradebook"
    ).json()["rows"]
    return rows
