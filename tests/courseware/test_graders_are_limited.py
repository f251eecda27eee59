"""A grader of some sections or assignments sees, marks and starts nothing else, on whatever way."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from courseware.notebooks import write_notebook
from tests.courseware.small_assignment import HONEST, NAME, answered, source_notebook
from tests.courseware.test_a_course_through_http import COURSE, ONE, SUBMISSION, TABLE, WHO, Row
from tests.platform_under_test import PlatformUnderTest

GRADERS = {
    "fit": {"graded_sections": ["A"], "graded_assignments": ["ps1"]},  # whose work it is
    "section": {"graded_sections": ["B"]},
    "task": {"graded_assignments": ["ps2"]},
}
STUDENTS = {"anna": "A", "ben": "B"}


@dataclass
class LimitedClass:
    """A class of two sections and two assignments, with a submission of each student to the first."""

    platform: PlatformUnderTest
    clients: dict[str, httpx.Client]
    submissions: dict[str, int]

    def call(self, who: str, method: str, path: str, body: object = None) -> httpx.Response:
        url = path.replace("{course}", "limits").replace("{submission}", str(self.submissions["anna"]))
        return self.clients[who].request(method, url, json=body)

    def read(self, who: str, path: str) -> Any:
        return self.call(who, "GET", path).raise_for_status().json()

    def limit(self, who: str, **limits: list[str] | None) -> httpx.Response:
        body = {"role": "grader", **limits}
        with self.platform.http(base_url=self.platform.api) as http:
            token = (self.platform.data_dir / "secrets/operator").read_text().strip()
            path = f"/courses/limits/people/limits-{who}"
            return http.put(path, json=body, headers={"Authorization": f"Bearer {token}"})


def files(source: Any) -> dict[str, object]:
    return {"files": [{"path": NAME, "content_base64": base64.b64encode(write_notebook(source)).decode()}]}


@pytest.fixture(scope="module")
def limited(platform: PlatformUnderTest) -> Iterator[LimitedClass]:
    clients = {who: platform.client(f"limits-{who}") for who in (*GRADERS, *STUDENTS)}
    operate = platform.operate
    operate("POST", "/courses", {"id": "limits", "title": "Limits", "instructors": ["admin"]})
    for name, section in STUDENTS.items():
        operate("PUT", f"/courses/limits/people/limits-{name}", {"section": section})
    for name in ("ps1", "ps2"):
        operate("POST", "/courses/limits/assignments", {"name": name})
        operate("POST", f"/courses/limits/assignments/{name}/versions", files(source_notebook()))
        operate("POST", f"/courses/limits/assignments/{name}/release", {})
    for name, limits in GRADERS.items():
        operate("PUT", f"/courses/limits/people/limits-{name}", {"role": "grader", **limits})
    submissions = {
        name: clients[name].post("/courses/limits/assignments/ps1/submissions", json=files(answered(HONEST)))
        for name in STUDENTS
    }
    yield LimitedClass(platform, clients, {name: answer.json()["submission"] for name, answer in submissions.items()})
    for client in clients.values():
        client.close()


def needs_grading(row: Row) -> bool:
    """Whether graders may do something and students may not."""
    expected = dict(zip(WHO, row.statuses, strict=True))
    return expected["grader"] != 403 and expected["student"] == 403


@pytest.mark.parametrize(
    "row", [row for row in TABLE if row.path.startswith(SUBMISSION)], ids=lambda row: f"{row.method} {row.path}"
)
@pytest.mark.parametrize("who", ["section", "task"])
def test_what_others_grade_is_not_there(limited: LimitedClass, who: str, row: Row) -> None:
    allowed = dict(zip(WHO, row.statuses, strict=True))["grader"] != 403
    assert limited.call(who, row.method, row.path, row.body).status_code == (404 if allowed else 403)


@pytest.mark.parametrize(
    "row",
    [row for row in TABLE if row.path.startswith(ONE) and needs_grading(row)],
    ids=lambda row: f"{row.method} {row.path}",
)
def test_of_an_assignment_of_others_nothing_is_told_or_started(limited: LimitedClass, row: Row) -> None:
    refused = limited.call("task", row.method, row.path, row.body)
    assert refused.status_code == 403
    assert "You grade “ps2” in this course, not “ps1”" in refused.json()["detail"]
    assert limited.call("fit", row.method, row.path, row.body).status_code != 403


def test_lists_hold_ones_own_students_only(limited: LimitedClass) -> None:
    assert [s["user_name"] for s in limited.read("section", ONE + "/submissions")["items"]] == ["limits-ben"]
    assert [s["user_name"] for s in limited.read("fit", ONE + "/submissions")["items"]] == ["limits-anna"]
    assert limited.call("task", "GET", ONE + "/submissions").status_code == 403
    shown = limited.read("section", ONE + "/marking?names=true")["items"]
    assert [item["user_name"] for item in shown] == ["limits-ben"]
    people = {person["user_name"] for person in limited.read("section", COURSE + "/people")["items"]}
    assert "limits-anna" not in people
    assert {"limits-ben", "limits-fit", "admin"} <= people
    told = {a["name"]: a["is_graded_by_caller"] for a in limited.read("task", COURSE + "/assignments")["items"]}
    assert told == {"ps1": False, "ps2": True}


def test_the_gradebook_shows_ones_own_part(limited: LimitedClass) -> None:
    column = limited.platform.operate("POST", "/courses/limits/columns", {"name": "Talk", "points": 5}).json()["id"]
    path, anna = f"{COURSE}/columns/{column}/scores", "limits-anna"
    talk = {"scores": [{"user_name": anna, "score": 4, "revision": 0}]}
    (row,) = limited.read("section", COURSE + "/gradebook")["rows"]
    assert row["user_name"] == "limits-ben"
    assert len(row["columns"]) == 1
    rows = limited.read("task", COURSE + "/gradebook")["rows"]
    assert [[cell["assignment"] for cell in row["cells"]] for row in rows] == [["ps2"], ["ps2"]]
    assert [(row["total"], row["letter"], row["columns"]) for row in rows] == [(None, None, [])] * 2
    explained = f"{COURSE}/gradebook/students/{anna}"
    assert limited.call("section", "GET", explained).status_code == 404
    assert limited.read("task", explained)["categories"] == []
    assert limited.read("task", COURSE + "/columns")["items"] == []
    assert limited.call("section", "PUT", path, talk).status_code == 404
    assert limited.call("task", "PUT", path, talk).status_code == 403
    assert limited.call("section", "GET", f"{path}/{anna}").status_code == 404
    assert limited.call("task", "GET", f"{path}/{anna}").status_code == 403
    limited.platform.operate("DELETE", f"/courses/limits/columns/{column}")


def test_a_mark_on_anothers_submission_is_refused_and_leaves_nothing(limited: LimitedClass) -> None:
    mark = {"notebook": NAME, "grade_id": "visible", "revision": 0, "score": 0.0}
    for who in ("section", "task"):
        assert limited.call(who, "PUT", SUBMISSION + "/marks", mark).status_code == 404
    scores = limited.read("fit", SUBMISSION)["scores"]
    assert [score["revision"] for score in scores if score["grade_id"] == "visible"] == [0]
    assert limited.call("fit", "PUT", SUBMISSION + "/marks", mark | {"score": 1.5}).json()["score"] == 1.5


def test_gradings_are_started_and_counted_in_ones_own_part(limited: LimitedClass) -> None:
    path = ONE + "/gradings"
    before = {who: sum(limited.read(who, path)["states"].values()) for who in ("fit", "section")}
    everybody = {"submissions": list(limited.submissions.values()), "propose": True}
    limited.call("section", "POST", path, everybody).raise_for_status()
    after = {who: sum(limited.read(who, path)["states"].values()) for who in ("fit", "section")}
    assert after == {"fit": before["fit"], "section": before["section"] + 1}


def test_a_grader_of_a_section_adds_to_a_rubric_but_changes_no_marks_of_others_through_it(
    limited: LimitedClass,
) -> None:
    item = {"notebook": NAME, "grade_id": "visible", "text": "no proof", "points": -1}
    limited.call("section", "POST", ONE + "/rubric", item).raise_for_status()
    (rubric,) = limited.read("section", COURSE + "/rubrics")["items"]
    one, use = f"{COURSE}/rubrics/{rubric['id']}", {"assignment": "ps1", "notebook": NAME, "grade_id": "visible"}
    changed = {"name": rubric["name"], "items": [], "revision": rubric["revision"]}
    assert limited.call("section", "PUT", one, changed).status_code == 403
    assert limited.call("section", "DELETE", one).status_code == 403
    for path in ("/uses", "/uses/removal"):
        assert limited.call("task", "POST", one + path, use).status_code == 403


def test_limits_hold_from_the_next_request_and_can_be_lifted(limited: LimitedClass) -> None:
    assert limited.limit("section", graded_sections=["A"]).status_code == 200
    assert limited.call("section", "GET", SUBMISSION).status_code == 200
    kept = limited.limit("section").json()  # what is not named stays
    assert (kept["graded_sections"], kept["graded_assignments"]) == (["A"], [])
    assert limited.limit("section", graded_sections=[]).json()["graded_sections"] == []
    assert len(limited.read("section", ONE + "/submissions")["items"]) == 2
    limited.limit("section", graded_sections=["B"])
    assert limited.call("section", "GET", SUBMISSION).status_code == 404
    log = limited.platform.operate("GET", "/courses/limits/audit").json()["items"]
    assert {"grader.limits"} <= {line["action"] for line in log}


@pytest.mark.parametrize(
    "limits", [{"graded_sections": ["Z"]}, {"graded_assignments": ["ps9"]}, {"graded_sections": [""]}]
)
def test_limits_name_what_is_there(limited: LimitedClass, limits: dict[str, list[str]]) -> None:
    assert limited.limit("section", **limits).status_code == 422
    assert limited.read("section", ONE + "/submissions")["items"]


def test_only_graders_are_limited(limited: LimitedClass) -> None:
    body = {"role": "student", "section": "A", "graded_sections": ["A"]}
    with pytest.raises(httpx.HTTPStatusError, match="422"):
        limited.platform.operate("PUT", "/courses/limits/people/limits-anna", body)
