"""JupyterLab as the platform's people have it: three of them in one project, with everything the extension adds."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from playwright.sync_api import Browser, Locator, Page, WebSocketRoute, expect
from playwright.sync_api import TimeoutError as BrowserTimeout

from tests.courseware.conftest import EXAMPLES
from tests.e2e.browsing import sign_in, wait_for_kernel, wait_on
from tests.platform_under_test import WEB_HEADERS, PlatformUnderTest

pytestmark = pytest.mark.skipif(
    os.environ.get("COLLEGIUM_LAB_STORY") != "1",
    reason="takes four minutes: set COLLEGIUM_LAB_STORY=1 to run it",
)
SCREENSHOTS = Path("test-results")
PEOPLE = {"ada": "Ada Lovelace", "grace": "Grace Hopper", "vera": "Vera Rubin"}
RUNS = [
    "name = input('Who? ')\nprint('hello', name)",
    "for i in range(9000): print('line', i)\n_ = input('Go on? ')",
    "import os; os._exit(3)",
]
PARAMETERS = "alpha = 0.5  # learning rate\nepochs: int = 3"


class Network:
    """What is between a page and the world, and can be cut; Chromium's own switch leaves websockets open."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._open: list[WebSocketRoute] = []
        self._is_cut = False
        page.route_web_socket(re.compile("/api/"), self._pass)

    def cut(self) -> None:
        self._is_cut = True
        self._page.context.set_offline(True)
        for socket in self._open:
            socket.close()
        self._open.clear()

    def mend(self) -> None:
        self._is_cut = False
        self._page.context.set_offline(False)

    def _pass(self, socket: WebSocketRoute) -> None:
        if self._is_cut:
            socket.close()
        else:
            socket.connect_to_server()
            self._open.append(socket)


@dataclass
class Together:
    """A project that three people have open: its owner, an editor, a viewer."""

    platform: PlatformUnderTest
    project: str
    ada: Page
    grace: Page
    vera: Page
    network: Network  # Grace's

    def show(self, page: Page, name: str) -> None:
        """Open a notebook in a fresh window."""
        page.goto(f"{self.platform.url}/user/projects/{self.project}/lab/tree/{name}?reset")
        expect(page.locator(".jp-Notebook-cell").first).to_be_visible()

    def come_back(self) -> Page:
        """Have the owner close her window while things run, and open another."""
        context = self.ada.context
        self.ada.close()
        self.ada = context.new_page()
        wait_on(self.ada)
        prepare(self.ada)
        return self.ada

    @property
    def files(self) -> Path:
        return self.platform.data_dir / "projects" / self.project / "files"


def notebook(*cells: nbformat.NotebookNode) -> nbformat.NotebookNode:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=list(cells), metadata={"kernelspec": kernel})


@pytest.fixture(scope="module")
def together(browser: Browser, platform: PlatformUnderTest) -> Iterator[Together]:
    SCREENSHOTS.mkdir(exist_ok=True)
    for name, display_name in PEOPLE.items():
        platform.add_user(name, display_name)
    pages = {name: sign_in(browser, platform, name) for name in PEOPLE}
    for page in pages.values():
        prepare(page)
    api = pages["ada"].request
    project = api.post(f"{platform.api}/projects", data={"name": "Oscillations"}, headers=WEB_HEADERS).json()["id"]
    for name, role in (("grace", "editor"), ("vera", "viewer")):
        url = f"{platform.api}/projects/{project}/members/{name}"
        assert api.put(url, data={"role": role}, headers=WEB_HEADERS).ok
    made = Together(platform, project, **pages, network=Network(pages["grace"]))
    made.files.mkdir(parents=True, exist_ok=True)
    parameters = new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    for name, content in {
        "waves.ipynb": notebook(new_markdown_cell("# Waves"), new_code_cell("a = 1"), new_code_cell("print(a)")),
        "runs.ipynb": notebook(*(new_code_cell(source) for source in RUNS)),
        "train.ipynb": notebook(parameters, new_code_cell("print(alpha * epochs)")),
    }.items():
        nbformat.write(content, made.files / name)
    for page in pages.values():
        made.show(page, "waves.ipynb")
    yield made
    for page in (made.ada, made.grace, made.vera):
        page.context.close()


def prepare(page: Page) -> None:
    """Take the kernel that is offered; tell of requests that fail."""
    kernel = page.get_by_role("dialog").filter(has_text="Select kernel for").get_by_role("button", name="Select")
    page.add_locator_handler(kernel, lambda: kernel.click())
    page.on("requestfailed", lambda request: print(request.method, request.url, request.failure))


def cell(page: Page, index: int) -> Locator:
    return page.locator(".jp-NotebookPanel:visible .jp-Notebook-cell").nth(index)


def type_into(page: Page, index: int, text: str) -> None:
    cell(page, index).locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text(text)


def panel(page: Page, name: str) -> Locator:
    """Open a side panel."""
    found = page.locator(f"#collegium-{name}")
    if not found.is_visible():
        page.locator(f'[data-id="collegium-{name}"]').first.click()
    expect(found).to_be_visible()
    return found


def command(page: Page, label: str) -> None:
    """Use the command palette, as somebody at the keyboard does: again, when a page that still loads closed it."""
    item = page.locator(".lm-CommandPalette-item", has_text=label).first
    for attempt in range(12):
        page.keyboard.press("Escape")
        page.keyboard.press("Control+Shift+C")
        page.locator(".lm-CommandPalette-input").fill(label)
        try:
            item.click(timeout=15_000)
            return
        except BrowserTimeout:
            assert attempt < 11, f"the palette offers no {label}"


def test_people_are_seen_followed_and_their_edits_are_saved(together: Together) -> None:
    ada, grace = together.ada, together.grace
    expect(ada.get_by_role("button", name="Follow Vera Rubin")).to_be_visible()
    people = panel(ada, "project")
    expect(people).to_contain_text("Ada Lovelace (you) owner")
    expect(people).to_contain_text("Vera Rubin viewer")
    ada.get_by_role("group", name="People who are here").get_by_role("button", name="Follow Grace Hopper").click()
    expect(ada.get_by_text("Following Grace Hopper")).to_be_visible()
    type_into(grace, 2, "  # by Grace")
    expect(cell(ada, 2)).to_have_class(re.compile("jp-mod-active"))
    expect(grace.locator(".collegium-SaveStatus")).to_have_text("Saved")
    ada.screenshot(path=SCREENSHOTS / "lab-people.png")
    ada.keyboard.press("Escape")
    expect(ada.get_by_text("Following Grace Hopper")).to_have_count(0)


def test_an_edit_made_offline_is_kept_said_and_sent(together: Together) -> None:
    grace, ada, network = together.grace, together.ada, together.network
    wait_for_kernel(grace)  # a start that is cut off is an error, rightly
    network.cut()
    status = grace.locator(".collegium-SaveStatus")
    expect(status).to_have_text("Offline: kept here")
    type_into(grace, 1, "\nb = a + 1")
    type_into(ada, 2, "  # meanwhile")
    expect(ada.locator(".collegium-SaveStatus")).to_have_text("Saved")
    expect(cell(ada, 1)).not_to_contain_text("b = a + 1")
    expect(cell(grace, 2)).not_to_contain_text("meanwhile")
    expect(grace.get_by_role("dialog")).to_have_count(0)  # nothing stands in the way
    grace.screenshot(path=SCREENSHOTS / "lab-offline.png")
    network.mend()
    expect(status).to_have_text("Saved")
    expect(cell(ada, 1)).to_contain_text("b = a + 1")
    expect(cell(grace, 2)).to_contain_text("meanwhile")


def test_a_viewer_sees_and_cannot_change(together: Together) -> None:
    vera, ada = together.vera, together.ada
    expect(vera.locator(".collegium-ReadOnlyBanner")).to_contain_text("cannot change or run anything")
    before = cell(vera, 1).locator(".cm-content").inner_text()
    cell(vera, 1).locator(".cm-content").click()
    vera.keyboard.type("forbidden")
    vera.keyboard.press("Escape")
    for keys in ("d", "d", "Shift+Enter", "b"):
        vera.keyboard.press(keys)
    refused = vera.locator(".Toastify__toast", has_text="You may look at this project, not")
    expect(refused.first).to_be_visible()
    expect(refused).to_have_count(1)
    vera.locator(".jp-NotebookPanel:visible .jp-KernelName").click()
    expect(vera.get_by_text("You may look at this project, not run code").first).to_be_visible()
    expect(vera.get_by_role("dialog")).to_have_count(0)  # no kernel is offered for choosing
    type_into(ada, 2, " # seen live")
    expect(cell(vera, 2)).to_contain_text("# seen live")
    assert cell(vera, 1).locator(".cm-content").inner_text() == before
    assert vera.locator(".jp-Notebook-cell").count() == 3
    expect(vera.locator(".collegium-SaveStatus")).to_have_text("Viewing")
    vera.screenshot(path=SCREENSHOTS / "lab-viewer.png")


def test_the_past_is_visited_and_restored(together: Together) -> None:
    ada, grace = together.ada, together.grace
    type_into(ada, 1, "\nmistake = True")
    expect(cell(grace, 1)).to_contain_text("mistake")
    cell(ada, 1).click()
    command(ada, "History")
    moments = ada.locator(".collegium-History-moment")
    expect(moments.first).to_contain_text("Ada Lovelace")
    expect(ada.locator(".collegium-Line.collegium-mod-added", has_text="mistake")).to_be_visible()
    ada.screenshot(path=SCREENSHOTS / "lab-history.png")
    ada.get_by_role("button", name="Who wrote it").click()
    expect(ada.get_by_role("row", name=re.compile("Ada Lovelace.*mistake"))).to_be_visible()
    ada.get_by_role("slider", name="Moment").focus()
    ada.keyboard.press("ArrowLeft")
    expect(moments.nth(1)).to_have_attribute("aria-current", "true")
    ada.get_by_role("button", name="Restore this moment").click()
    ada.get_by_role("button", name="Restore", exact=True).click()
    expect(cell(grace, 1)).not_to_contain_text("mistake")
    ada.locator(".lm-TabBar-tab", has_text="waves.ipynb").first.click()


def test_comments_reach_who_is_mentioned_and_are_resolved(together: Together) -> None:
    ada, grace = together.ada, together.grace
    cell(ada, 1).click()
    comments = panel(ada, "comments")
    field = comments.get_by_label("Write a comment")
    field.fill("Is $a^2$ meant here, @gra")
    field.press_sequentially("c")
    expect(comments.get_by_role("list", name="People to mention")).to_contain_text("Grace Hopper")
    field.press("Tab")
    field.press_sequentially("?")
    field.press("Enter")
    expect(comments.locator(".collegium-Words mjx-container")).to_be_visible()
    expect(grace.get_by_text("Is $a^2$ meant here, @grace")).to_be_visible()
    expect(cell(grace, 1).get_by_role("button", name="1 comment")).to_be_visible()
    cell(grace, 1).get_by_role("button", name="1 comment").click()
    theirs = panel(grace, "comments")
    theirs.get_by_label("Reply").fill("No: <img src=x onerror=alert(1)> **b**")
    theirs.get_by_label("Reply").press("Enter")
    expect(comments.locator("strong", has_text=re.compile("^b$"))).to_be_visible()
    assert comments.locator("img[onerror]").count() == 0
    ada.screenshot(path=SCREENSHOTS / "lab-comments.png")
    kernels = panel(ada, "project").get_by_role("region", name="Kernels").get_by_role("listitem")
    expect(kernels).to_have_count(1)  # they opened the notebook together, and share its variables
    comments.get_by_role("button", name="Resolve").click()
    expect(cell(grace, 1).get_by_role("button", name="1 comment")).to_have_count(0)


def test_a_viewer_talks_in_the_chat(together: Together) -> None:
    mine, theirs = panel(together.vera, "chat"), panel(together.ada, "chat")
    mine.get_by_label("Write to everybody").fill("Well done!")
    mine.get_by_label("Write to everybody").press("Enter")
    expect(theirs.get_by_role("article", name="Message of Vera Rubin")).to_contain_text("Well done!")


def test_a_file_comes_back_from_a_snapshot(together: Together) -> None:
    ada = together.ada
    snapshots = panel(ada, "snapshots")
    (together.files / "data.csv").write_text("x\n1\n")
    snapshots.get_by_role("button", name="Take one now").click()
    expect(ada.get_by_text("Took a snapshot.")).to_be_visible()
    (together.files / "data.csv").unlink()
    snapshots.get_by_label("Search files by name").fill("data")
    snapshots.get_by_role("button", name=re.compile("^Restore")).first.click()
    ada.screenshot(path=SCREENSHOTS / "lab-snapshots.png")
    ada.get_by_role("button", name="Restore", exact=True).last.click()
    expect(ada.get_by_text("Restored data.csv.")).to_be_visible()
    assert (together.files / "data.csv").read_text() == "x\n1\n"


def test_cells_run_on_the_server_ask_flood_and_die_with_words(together: Together) -> None:
    ada = together.ada
    together.show(ada, "runs.ipynb")
    cell(ada, 0).locator(".cm-content").click()
    ada.keyboard.press("Control+Enter")  # at once: the kernel may not be there yet
    expect(cell(ada, 0).locator("form.collegium-CellState input")).to_be_visible()
    ada = together.come_back()
    together.show(ada, "runs.ipynb")
    answer = cell(ada, 0).locator("form.collegium-CellState input")
    expect(answer).to_be_visible()
    ada.screenshot(path=SCREENSHOTS / "lab-question.png")
    answer.fill("Ada")
    answer.press("Enter")
    expect(cell(ada, 0)).to_contain_text("hello Ada")
    cell(ada, 1).locator(".cm-content").click()
    ada.keyboard.press("Control+Enter")
    expect(cell(ada, 1)).to_contain_text("line 2000")
    cell(ada, 1).get_by_role("button", name="Show more").click()
    expect(cell(ada, 1)).to_contain_text("line 8999")
    cell(ada, 1).locator("form.collegium-CellState input").press("Enter")
    expect(cell(ada, 1).locator("form.collegium-CellState")).to_have_count(0)
    expect(ada.get_by_text("Running")).to_have_count(0)
    expect(cell(ada, 1)).to_contain_text("line 8999")  # what was unfolded stays so when its cell has ended
    cell(ada, 2).locator(".cm-content").click()
    ada.keyboard.press("Control+Enter")
    expect(ada.locator(".jp-Dialog .collegium-DeathReason")).to_contain_text("ended itself with code 3")
    ada.screenshot(path=SCREENSHOTS / "lab-death.png")
    ada.get_by_role("button", name="Ok", exact=True).click()


def test_a_notebook_runs_with_other_parameters(together: Together) -> None:
    ada = together.ada
    together.show(ada, "train.ipynb")
    cell(ada, 0).click()
    command(ada, "Run with Parameters")
    form = ada.locator(".collegium-ParameterForm")
    expect(form).to_contain_text("learning rate")
    form.get_by_label(re.compile("^alpha")).fill("0.25")
    ada.screenshot(path=SCREENSHOTS / "lab-parameters.png")
    ada.get_by_role("button", name="Run", exact=True).last.click()
    expect(ada.get_by_text("The run of train.ipynb has ended.")).to_be_visible()
    runs = f"{together.platform.api}/runs/{together.project}"
    newest = f"{runs}/{ada.request.get(runs).json()['items'][0]['id']}"
    item = ada.request.get(newest).json()["items"][0]
    parameters = ada.request.get(f"{newest}/{item['step']}/{item['index']}").json()["parameters"]
    assert parameters["alpha"] == 0.25


def test_a_student_fetches_checks_and_hands_in(together: Together) -> None:
    platform, grace = together.platform, together.grace
    platform.collegium("course", "create", "lab-physics", "Physics", "--instructor", "ada")
    platform.collegium("course", "enrol", "lab-physics", "grace", "--role", "student")
    platform.collegium("assignment", "add", "lab-physics", "ps1", str(EXAMPLES / "source/ps1"))
    platform.collegium("assignment", "release", "lab-physics", "ps1")
    courses = panel(grace, "courses")
    courses.get_by_role("button", name="Refresh").click()
    with grace.expect_popup() as opened:
        courses.get_by_role("button", name="Fetch").click()
    work = opened.value
    prepare(work)
    expect(work.locator(".jp-Notebook-cell").first).to_be_visible()
    expect(work.locator(".collegium-GradeMark", has_text="tests · 1 point").first).to_be_visible()
    courses = panel(work, "courses")
    courses.get_by_role("button", name="Check").click()
    expect(courses.get_by_text("Nothing is missing.")).to_be_visible()
    courses.get_by_role("button", name="Hand in").click()
    expect(work.locator(".jp-Dialog")).to_contain_text("problem1.ipynb")
    work.locator(".jp-Dialog .jp-mod-accept").click()
    expect(work.locator(".collegium-Receipt")).to_contain_text("Keep this receipt")
    work.screenshot(path=SCREENSHOTS / "lab-course.png")
    work.locator(".jp-Dialog .jp-mod-accept").click()
    expect(courses).to_contain_text("Handed in just now")


def test_an_instructor_gives_cells_kinds_and_points(together: Together) -> None:
    ada = together.ada
    together.show(ada, "waves.ipynb")
    cell(ada, 2).click()
    ada.locator('[data-id="jp-property-inspector"]').first.click()
    ada.locator(".jp-Collapse-header", has_text="Grading").click()
    grading = ada.get_by_role("group", name="Grading")
    grading.get_by_label("Kind of cell").select_option("tests")
    grading.get_by_label("Points").fill("2.5")
    expect(cell(ada, 2).locator(".collegium-GradeMark")).to_have_text("tests · 2.5 points")
    expect(grading).to_contain_text("2.5 points in all")
    ada.screenshot(path=SCREENSHOTS / "lab-grading.png")


def test_a_server_that_has_stopped_is_started_from_the_page_and_nothing_typed_is_lost(together: Together) -> None:
    ada = together.ada
    together.show(ada, "waves.ipynb")
    status = ada.locator(".collegium-SaveStatus")
    expect(status).to_have_text("Saved")
    server = f"{together.platform.api}/projects/{together.project}/server"
    assert ada.request.delete(server, headers=WEB_HEADERS).ok
    stopped = ada.get_by_role("dialog").filter(has_text="The project's server has stopped")
    expect(stopped).to_be_visible()
    ada.screenshot(path=SCREENSHOTS / "lab-stopped.png")
    stopped.get_by_role("button", name="Start it").click()
    type_into(ada, 1, "\n# while it starts")
    expect(status).to_have_text("Saved")
    deadline = time.monotonic() + 180
    while "while it starts" not in (together.files / "waves.ipynb").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.2)
