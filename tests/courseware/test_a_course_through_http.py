"""A class on the running platform: the story from the command line and the API, and who may do what."""

from __future__ import annotations

import base64
import csv
import io
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.courseware.conftest import EXAMPLES
from tests.platform_under_test import WEB_HEADERS, PlatformUnderTest

COURSE = "/courses/{course}"
ONE = COURSE + "/assignments/ps1"
WHO = ("instructor", "grader", "student", "classmate", "auditor", "stranger", "admin", "nobody")


def encoded(folder: Path) -> list[dict[str, str]]:
    return [
        {"path": path.name, "content_base64": base64.b64encode(path.read_bytes()).decode()}
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name != "timestamp.txt"
    ]


def login(role: str) -> str:
    return f"cw-{role}"


@dataclass
class RunningCourse:
    """A course on the running platform and a signed-in client per role."""

    id: str
    clients: dict[str, httpx.Client]
    submission: int
    column: int
    rubric: int

    def call(self, who: str, method: str, path: str, body: object = None) -> httpx.Response:
        url = path.replace("{course}", self.id).replace("{submission}", str(self.submission))
        url = url.replace("{column}", str(self.column)).replace("{rubric}", str(self.rubric))
        return self.clients[who].request(method, url, json=body)


@pytest.fixture(scope="module")
def clients(platform: PlatformUnderTest) -> Iterator[dict[str, httpx.Client]]:
    made = {role: platform.client(login(role)) for role in WHO if role not in ("admin", "nobody")}
    made["admin"] = platform.client("admin")
    made["nobody"] = httpx.Client(base_url=platform.api, trust_env=False, headers=WEB_HEADERS)
    yield made
    for client in made.values():
        client.close()


@pytest.fixture(scope="module")
def story(platform: PlatformUnderTest, clients: dict[str, httpx.Client], tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """From the command line: a course with the example, handed in, graded."""
    said = [platform.collegium("course", "create", "phys", "Physics", "--instructor", login("instructor")).stdout]
    for role in ("grader", "student", "auditor"):
        platform.collegium("course", "enrol", "phys", login(role), "--role", role)
    roster = tmp_path_factory.mktemp("roster") / "roster.csv"
    roster.write_text(f"user_name,first_name,last_name\n{login('classmate')},Cleo,=1+1\n")
    said.append(platform.collegium("course", "roster", "phys", str(roster)).stdout)
    said.append(platform.collegium("assignment", "add", "phys", "ps1", str(EXAMPLES / "source/ps1")).stdout)
    said.append(platform.collegium("assignment", "release", "phys", "ps1").stdout)
    body = {"files": encoded(EXAMPLES / "submitted/bitdiddle/ps1")}
    receipt = clients["student"].post("/courses/phys/assignments/ps1/submissions", json=body)
    assert receipt.status_code == 201, receipt.text
    deadline = time.monotonic() + 180  # the platform's own worker grades
    while "1 done" not in platform.collegium("grade", "status", "phys", "ps1").stdout:
        assert time.monotonic() < deadline, "the platform's worker did not grade the submission"
        time.sleep(0.5)
    column = clients["instructor"].post("/courses/phys/columns", json=COLUMN).json()["id"]
    rubric = clients["grader"].post("/courses/phys/rubrics", json=RUBRIC).json()["id"]
    return RunningCourse("phys", clients, receipt.json()["submission"], column, rubric), said


def test_a_class_is_graded_and_returned_from_the_command_line(
    story, platform: PlatformUnderTest, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    running, said = story
    assert "Enrolled 1" in said[1]
    assert "problem1.ipynb, problem2.ipynb" in said[2]
    assert "1 done" in platform.collegium("grade", "status", "phys", "ps1").stdout
    detail = running.call("grader", "GET", COURSE + "/submissions/{submission}").json()
    assert detail["state"] == "graded"
    assert any(score["auto_score"] for score in detail["scores"])
    before = running.call("student", "GET", COURSE + "/submissions/{submission}").json()
    assert before["score"] is None
    assert before["scores"] == []
    assert running.call("student", "GET", COURSE + "/submissions/{submission}/feedback").status_code == 404
    for score in detail["scores"]:
        if score["needs_manual"]:
            mark = {key: score[key] for key in ("notebook", "grade_id", "revision")} | {"score": score["points"]}
            assert running.call("grader", "PUT", COURSE + "/submissions/{submission}/marks", mark).status_code == 200
    platform.collegium("grade", "return", "phys", "ps1")
    after = running.call("student", "GET", COURSE + "/submissions/{submission}").json()
    assert after["score"] > detail["score"]
    pages = running.call("student", "GET", COURSE + "/submissions/{submission}/feedback").json()["items"]
    assert [page["notebook"] for page in pages] == ["problem1.ipynb", "problem2.ipynb"]
    own = running.call("student", "GET", COURSE + "/grades").json()["rows"]
    assert [row["user_name"] for row in own] == [login("student")]
    platform.collegium("gradebook", "export", "phys", str(tmp_path / "grades.csv"))
    rows = list(csv.DictReader(io.StringIO((tmp_path / "grades.csv").read_text())))
    assert {row["user_name"]: row["ps1"] for row in rows} == {
        login("student"): str(after["score"]),
        login("classmate"): "",
    }
    assert next(r for r in rows if r["user_name"] == login("classmate"))["last_name"] == "'=1+1"


def test_the_released_files_hold_no_solution_and_no_hidden_test(story) -> None:  # type: ignore[no-untyped-def]
    running, _ = story
    files = running.call("student", "GET", ONE + "/files").json()["files"]
    text = "".join(base64.b64decode(f["content_base64"]).decode(errors="replace") for f in files)
    assert "BEGIN SOLUTION" not in text
    assert "BEGIN HIDDEN TESTS" not in text
    assert "YOUR CODE HERE" in text


def test_an_upload_ticket_works_for_its_owner_only(story) -> None:  # type: ignore[no-untyped-def]
    running, _ = story
    content = base64.b64encode(b"my own work").decode()
    ticket = running.call("student", "POST", COURSE + "/uploads", {"content_base64": content}).json()["ticket"]
    body = {"files": [{"path": "notes.txt", "ticket": ticket}]}
    assert running.call("classmate", "POST", ONE + "/submissions", body).status_code == 422
    forged = {"files": [{"path": "notes.txt", "ticket": ticket.split(".")[0] + "." + "0" * 64}]}
    assert running.call("student", "POST", ONE + "/submissions", forged).status_code == 422


def test_a_student_asks_and_is_answered(story) -> None:  # type: ignore[no-untyped-def]
    running, _ = story
    running.call("instructor", "POST", ONE + "/feedback").raise_for_status()
    path = COURSE + "/submissions/{submission}/requests"

    def is_open() -> bool:
        items = running.call("grader", "GET", ONE + "/marking").json()["items"]
        return next(item["has_request"] for item in items if item["id"] == running.submission)

    running.call("student", "POST", path, {"text": "My function was right."}).raise_for_status()
    assert is_open()
    said = running.call("grader", "POST", path, {"text": "You are right: one point more."}).json()["items"]
    assert [(message["author"], message["is_staff"]) for message in said] == [
        (login("student"), False),
        (login("grader"), True),
    ]
    assert not is_open()


def test_a_link_enrols_whoever_follows_it_and_a_changed_one_nobody(story, platform: PlatformUnderTest) -> None:  # type: ignore[no-untyped-def]
    running, _ = story
    token = running.call("instructor", "POST", COURSE + "/enrolment-links", {"section": "B"}).json()["token"]
    joiner = platform.client("cw-joiner")
    changed = token[:-1] + ("0" if token[-1] != "0" else "1")
    assert joiner.post("/course-enrolments", json={"token": changed}).status_code == 403
    assert joiner.get("/courses/phys").status_code == 404
    assert joiner.post("/course-enrolments", json={"token": token}).json()["role"] == "student"
    assert joiner.get("/courses/phys").status_code == 200
    assert (
        running.clients["instructor"].post("/course-enrolments", json={"token": token}).json()["role"] == "instructor"
    )
    running.clients["instructor"].delete("/courses/phys/people/cw-joiner").raise_for_status()
    joiner.close()


def test_a_course_goes_on_in_the_next_term(story) -> None:  # type: ignore[no-untyped-def]
    running, _ = story
    body = {"id": "phys-next", "title": "Physics again", "term": "2027", "shift_days": 364}
    assert running.call("instructor", "POST", COURSE + "/copies", body).status_code == 201
    found = running.clients["instructor"].get("/courses/phys-next/assignments").json()["items"]
    assert [(item["name"], item["version"]) for item in found] == [("ps1", None)]
    people = running.clients["instructor"].get("/courses/phys-next/people").json()["items"]
    assert [person["user_name"] for person in people] == [login("instructor")]
    released = running.clients["instructor"].post("/courses/phys-next/assignments/ps1/release", json={})
    assert released.json()["points"] > 0


def test_work_is_fetched_kept_and_handed_in_from_a_project(story, platform: PlatformUnderTest) -> None:  # type: ignore[no-untyped-def]
    running, _ = story
    who = platform.client("cw-worker")
    running.call("instructor", "PUT", COURSE + "/people/cw-worker", {}).raise_for_status()
    done = who.post("/courses/phys/assignments/ps1/fetch").json()
    assert {file["step"] for file in done["files"]} <= {"write", "keep"}
    folder = platform.data_dir / "projects" / done["project_id"] / "files/ps1"
    mine = (EXAMPLES / "submitted/hacker/ps1/problem1.ipynb").read_bytes()
    (folder / "problem1.ipynb").write_bytes(mine)
    again = who.post("/courses/phys/assignments/ps1/fetch").json()["files"]
    beside = next(file for file in again if file["path"] == "problem1.ipynb")
    assert beside["step"] == "beside"
    assert (folder / "problem1.ipynb").read_bytes() == mine
    assert (folder / "problem1 (released, version 1).ipynb").exists()
    (folder / "problem1 (released, version 1).ipynb").unlink()
    state = who.get("/courses/phys/assignments/ps1/work").json()
    assert "problem1.ipynb" in [file["path"] for file in state["files"]]
    receipt = who.post("/courses/phys/assignments/ps1/hand-in")
    assert receipt.status_code == 201, receipt.text
    assert who.post("/courses/phys/assignments/ps1/hand-in").json() == receipt.json()
    _the_project_tells_what_is_worked_on_in_it(running, who, done["project_id"], state)
    members = who.get(f"/projects/{done['project_id']}").json()["members"]
    assert {login("instructor"), login("grader")} <= {member["name"] for member in members}
    running.call("instructor", "DELETE", COURSE + "/people/cw-worker").raise_for_status()
    who.close()


def _the_project_tells_what_is_worked_on_in_it(
    running: RunningCourse, who: httpx.Client, project_id: str, state: dict[str, object]
) -> None:
    """To whom the work is; the staff, who are members, work on nothing there."""
    here = f"/projects/{project_id}/assignments"
    [place] = who.get(here).json()["items"]
    assert (place["course_id"], place["name"], place["course_title"]) == ("phys", "ps1", "Physics")
    assert place["handed_in_at"] is not None
    assert "score" not in place
    assert who.get(f"{here}/phys/ps1").json() == state
    assert running.call("instructor", "GET", here).json() == {"items": []}
    assert running.call("instructor", "GET", f"{here}/phys/ps1").status_code == 404
    assert running.call("classmate", "GET", here).status_code == 404
    other = who.post("/projects", json={"name": "Other"}).json()["id"]
    assert who.get(f"/projects/{other}/assignments").json() == {"items": []}
    assert who.get(f"/projects/{other}/assignments/phys/ps1").status_code == 404


@dataclass(frozen=True)
class Row:
    """An operation and the status that each role gets, in the order of WHO."""

    method: str
    path: str
    statuses: tuple[int, ...]
    body: dict[str, object] | None = field(default=None)


SUBMISSION = COURSE + "/submissions/{submission}"
MARK = {"notebook": "problem1.ipynb", "grade_id": "none", "revision": 0}
COLUMN = {"name": "Participation", "points": 10}
ENTRY = {"scores": [{"user_name": login("classmate"), "score": 8, "revision": 99}]}
ITEM = {"notebook": "problem1.ipynb", "grade_id": "x", "text": "t", "points": -1}
RUBRIC = {"name": "Style", "items": [{"text": "no names", "points": -1}]}
USE = {"assignment": "ps1", "notebook": "problem1.ipynb", "grade_id": "none"}
# instructor, grader, student, classmate, auditor, stranger, administrator, nobody
TABLE = [
    Row("GET", "/courses", (200, 200, 200, 200, 200, 200, 200, 401)),
    Row("POST", "/courses", (403, 403, 403, 403, 403, 403, 422, 401), {}),
    Row("GET", COURSE, (200, 200, 200, 200, 200, 404, 200, 401)),
    Row("PUT", COURSE, (200, 403, 403, 403, 403, 404, 200, 401), {"title": "Physics"}),
    Row("GET", COURSE + "/people", (200, 200, 403, 403, 403, 404, 200, 401)),
    Row("PUT", COURSE + "/people/cw-auditor", (200, 403, 403, 403, 403, 404, 200, 401), {"role": "auditor"}),
    Row("DELETE", COURSE + "/people/cw-nobody", (404, 403, 403, 403, 403, 404, 404, 401)),
    Row("POST", COURSE + "/roster", (200, 403, 403, 403, 403, 404, 200, 401), {"csv": "user_name\n"}),
    Row("PUT", COURSE + "/grading", (204, 403, 403, 403, 403, 404, 204, 401), {"categories": []}),
    Row("GET", COURSE + "/assignments", (200, 200, 200, 200, 200, 404, 200, 401)),
    Row("POST", COURSE + "/assignments", (409, 403, 403, 403, 403, 404, 409, 401), {"name": "ps1"}),
    Row("POST", ONE + "/versions", (422, 403, 403, 403, 403, 404, 422, 401), {"files": []}),
    Row("POST", ONE + "/release", (404, 403, 403, 403, 403, 404, 404, 401), {"version": 99}),
    Row("PUT", ONE + "/schedule", (200, 403, 403, 403, 403, 404, 200, 401), {}),
    Row("PATCH", ONE + "/schedule", (200, 403, 403, 403, 403, 404, 200, 401), {"grace_seconds": 60}),
    Row("PUT", ONE + "/settings", (200, 403, 403, 403, 403, 404, 200, 401), {"category": "homework"}),
    Row("GET", COURSE + "/grading", (200, 200, 403, 403, 403, 404, 200, 401)),
    Row("GET", ONE + "/accommodations", (200, 403, 403, 403, 403, 404, 200, 401)),
    Row("PUT", ONE + "/accommodations", (204, 403, 403, 403, 403, 404, 204, 401), {"user_name": "cw-auditor"}),
    Row("GET", ONE + "/files", (200, 200, 200, 200, 200, 404, 200, 401)),
    Row("POST", COURSE + "/uploads", (201, 201, 201, 201, 201, 404, 201, 401), {"content_base64": "eA=="}),
    Row("POST", ONE + "/submissions", (403, 403, 422, 422, 403, 404, 403, 401), {"files": []}),
    Row("GET", ONE + "/submissions", (200, 200, 200, 200, 200, 404, 200, 401)),
    Row("GET", SUBMISSION, (200, 200, 200, 404, 404, 404, 200, 401)),
    Row("POST", SUBMISSION + "/choose", (403, 403, 204, 404, 403, 404, 403, 401)),
    Row("PUT", SUBMISSION + "/marks", (404, 404, 403, 403, 403, 404, 404, 401), MARK),
    Row("GET", SUBMISSION + "/feedback", (200, 200, 200, 404, 404, 404, 200, 401)),
    Row("GET", ONE + "/rubric", (200, 200, 403, 403, 403, 404, 200, 401)),
    Row("POST", ONE + "/rubric", (404, 404, 403, 403, 403, 404, 404, 401), ITEM),
    Row("GET", COURSE + "/rubrics", (200, 200, 403, 403, 403, 404, 200, 401)),
    Row("POST", COURSE + "/rubrics", (422, 422, 403, 403, 403, 404, 422, 401), RUBRIC | {"name": "a\nb"}),
    Row("POST", COURSE + "/rubrics/{rubric}/effects", (200, 200, 403, 403, 403, 404, 200, 401), RUBRIC),
    Row("PUT", COURSE + "/rubrics/{rubric}", (409, 409, 403, 403, 403, 404, 409, 401), RUBRIC | {"revision": 99}),
    Row(
        "PUT",
        COURSE + "/rubrics/{rubric}",
        (409, 403, 403, 403, 403, 404, 409, 401),
        RUBRIC | {"revision": 99, "include_returned": True},
    ),
    Row("POST", COURSE + "/rubrics/{rubric}/uses", (404, 404, 403, 403, 403, 404, 404, 401), USE),
    Row("POST", COURSE + "/rubrics/{rubric}/uses/removal", (200, 200, 403, 403, 403, 404, 200, 401), USE),
    Row("DELETE", COURSE + "/rubrics/999999", (404, 404, 403, 403, 403, 404, 404, 401)),
    Row("GET", ONE + "/gradings", (200, 200, 403, 403, 403, 404, 200, 401)),
    Row("POST", ONE + "/gradings", (202, 202, 403, 403, 403, 404, 202, 401), {"submissions": []}),
    Row("DELETE", ONE + "/gradings", (200, 200, 403, 403, 403, 404, 200, 401)),
    Row("GET", ONE + "/proposals", (200, 200, 403, 403, 403, 404, 200, 401)),
    Row("POST", ONE + "/proposals", (204, 403, 403, 403, 403, 404, 204, 401)),
    Row("POST", ONE + "/feedback", (200, 403, 403, 403, 403, 404, 200, 401)),
    Row("GET", COURSE + "/columns", (200, 200, 403, 403, 403, 404, 200, 401)),
    Row("POST", COURSE + "/columns", (409, 403, 403, 403, 403, 404, 409, 401), COLUMN),
    Row("PUT", COURSE + "/columns/{column}", (409, 403, 403, 403, 403, 404, 409, 401), COLUMN | {"revision": 9}),
    Row("PUT", COURSE + "/columns/{column}/scores", (409, 409, 403, 403, 403, 404, 409, 401), ENTRY),
    Row("GET", COURSE + "/columns/{column}/scores/cw-classmate", (200, 200, 403, 403, 403, 404, 200, 401)),
    Row("DELETE", COURSE + "/columns/{column}", (204, 403, 403, 403, 403, 404, 204, 401)),
    Row("POST", COURSE + "/columns/{column}/restore", (200, 403, 403, 403, 403, 404, 200, 401)),
    Row("POST", COURSE + "/gradebook/imports", (200, 403, 403, 403, 403, 404, 200, 401), {"content_base64": "eA=="}),
    Row("GET", COURSE + "/gradebook/students/cw-student", (200, 200, 403, 403, 403, 404, 200, 401)),
    Row("GET", COURSE + "/gradebook", (200, 200, 403, 403, 403, 404, 200, 401)),
    Row("GET", COURSE + "/grades", (403, 403, 200, 200, 403, 404, 403, 401)),
    Row("GET", COURSE + "/gradebook/csv", (200, 403, 403, 403, 403, 404, 200, 401)),
    Row("GET", COURSE + "/gradebook/nbgrader", (200, 403, 403, 403, 403, 404, 200, 401)),
    Row("GET", SUBMISSION + "/requests", (200, 200, 200, 404, 404, 404, 200, 401)),
    Row("POST", SUBMISSION + "/requests", (200, 200, 200, 404, 404, 404, 200, 401), {"text": "Why?"}),
    Row("POST", COURSE + "/enrolment-links", (201, 403, 403, 403, 403, 404, 201, 401), {}),
    Row("POST", COURSE + "/staff-project", (200, 200, 403, 403, 403, 404, 200, 401)),
    Row("POST", COURSE + "/copies", (409, 403, 403, 403, 403, 404, 409, 401), {"id": "phys", "title": "Again"}),
    Row("POST", "/course-enrolments", (403, 403, 403, 403, 403, 403, 403, 401), {"token": "forged"}),
    Row("GET", COURSE + "/gradebook/xlsx", (200, 403, 403, 403, 403, 404, 200, 401)),
    Row("GET", ONE + "/marking", (200, 200, 403, 403, 403, 404, 200, 401)),
    Row("GET", SUBMISSION + "/history", (200, 200, 403, 403, 403, 404, 200, 401)),
    Row("GET", SUBMISSION + "/marking", (200, 200, 403, 403, 403, 404, 200, 401)),
    Row("GET", ONE + "/work", (403, 403, 200, 200, 403, 404, 403, 401)),
    Row("POST", ONE + "/hand-in", (403, 403, 409, 409, 403, 404, 403, 401)),
    Row("POST", ONE + "/fetch", (403, 403, 200, 200, 403, 404, 403, 401)),
    Row("POST", ONE + "/deliver", (200, 403, 403, 403, 403, 404, 200, 401)),
    Row("POST", ONE + "/collect", (200, 403, 403, 403, 403, 404, 200, 401)),
    Row("GET", "/lti/platforms", (403, 403, 403, 403, 403, 403, 200, 401)),
    Row("POST", "/lti/platforms", (403, 403, 403, 403, 403, 403, 422, 401), {}),
    Row("DELETE", "/lti/platforms/{platform_id}", (403, 403, 403, 403, 403, 403, 404, 401)),
    Row("POST", "/lti-connections", (403, 403, 403, 403, 403, 403, 403, 401), {"token": "forged", "course_id": "phys"}),
    Row("GET", COURSE + "/lti-links", (200, 403, 403, 403, 403, 404, 200, 401)),
    Row(
        "PUT",
        COURSE + "/lti-links",
        (404, 403, 403, 403, 403, 404, 404, 401),
        {"platform_id": 1, "resource_id": "none"},
    ),
    Row("GET", COURSE + "/hub-groups", (200, 403, 403, 403, 403, 404, 200, 401)),
    Row("PUT", COURSE + "/hub-groups", (403, 403, 403, 403, 403, 404, 422, 401), {"name": "x", "role": "instructor"}),
    Row("POST", COURSE + "/hub-groups/unlink", (404, 403, 403, 403, 403, 404, 404, 401), {"name": "none"}),
    Row("POST", COURSE + "/hub-groups/synchronise", (200, 403, 403, 403, 403, 404, 200, 401)),
    Row("POST", COURSE + "/lti-activities", (403, 403, 403, 403, 403, 404, 403, 401), {"token": "forged"}),
    Row("POST", COURSE + "/lti-roster", (409, 403, 403, 403, 403, 404, 409, 401)),
    Row("POST", ONE + "/lti-scores", (409, 403, 403, 403, 403, 404, 409, 401)),
    Row("GET", COURSE + "/audit", (200, 403, 403, 403, 403, 404, 200, 401)),
]


def test_the_table_names_every_operation_on_courses(story, platform: PlatformUnderTest) -> None:  # type: ignore[no-untyped-def]
    document = httpx.get(f"{platform.api}/openapi.json", trust_env=False).json()
    declared = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
        if path.startswith(("/course", "/lti"))
    }
    names = {
        "{course}": "{course_id}",
        "/assignments/ps1": "/assignments/{assignment}",
        "{submission}": "{submission_id}",
    }
    tested = set()
    for row in TABLE:
        path = row.path
        for short, long in names.items():
            path = path.replace(short, long)
        path = path.replace("{column}", "{column_id}").replace("{rubric}", "{rubric_id}")
        path = path.replace("/rubrics/999999", "/rubrics/{rubric_id}")
        path = path.replace("/students/cw-student", "/students/{user_name}")
        path = path.replace("/scores/cw-classmate", "/scores/{user_name}")
        if "/people/" in path:
            path = COURSE.replace("{course}", "{course_id}") + "/people/{user_name}"
        tested.add((row.method, path))
    assert tested == declared


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.method} {row.path}")
def test_every_role_gets_exactly_what_it_may_have(story, row: Row) -> None:  # type: ignore[no-untyped-def]
    running, _ = story
    got = {who: running.call(who, row.method, row.path, row.body).status_code for who in WHO}
    assert got == dict(zip(WHO, row.statuses, strict=True))
